/**
 * The types of the database that `connect()` returns, read by the compiler out of the schema's own strings. Nothing
 * here exists at run time.
 *
 *     connect({ vehicles: '++id, name', trips: table<Trip>()('++id, vehicleId') })
 *       -> vehicles: Table<{ id: string; name?: any; ... }>, trips: Table<Trip & { id: string }>
 */
import type { Dexie, Table } from 'dexie'
import type { IsAny, StoresSchema, TypesOf } from './schema-rows.js'

/** The database with its tables: a real Dexie. */
export type WebHostDb<S extends StoresSchema> = IsAny<S> extends true ? Any : Dexie & TablesOf<S>

export type TablesOf<S extends StoresSchema> = { readonly [Name in keyof S]: TableOf<TypesOf<S[Name]>> }

type TableOf<T> = T extends { stored: infer Stored; key: infer Key; added: infer Added }
  ? Table<Stored, Key, Added>
  : never

// biome-ignore lint/suspicious/noExplicitAny: rows of tables whose schema says nothing about them.
type Any = any
