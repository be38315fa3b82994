/**
 * The types of rows and keys, read by the compiler out of the schema's own strings. Nothing here exists at run time.
 *
 * A generated id is a string, is there on every row that is read, and may be left out of one that is added.
 * Without a schema, or with one that is no literal, everything is `any`.
 */
import type { Key } from './layout/keys.js'

/** A schema string that carries the type of its rows; made by `table<Row>()`. */
export interface TableDef<Row extends object, S extends string = string> {
  readonly stores: S
  /** Never there: it only lets the compiler keep the type. */
  readonly row?: Row
}

/** What `connect()` takes: tables by name. */
export type StoresSchema = Readonly<Record<string, string | TableDef<object>>>

/** What a table's definition says of its rows. */
export type TypesOf<D> =
  D extends TableDef<infer Row, infer S>
    ? TypesIn<Row, S>
    : D extends string
      ? string extends D
        ? { stored: Any; key: Any; added: Any }
        : TypesIn<LooseRow<D>, D>
      : never

interface TypesIn<Row, S extends string> {
  stored: StoredRow<Row, S>
  key: KeyOf<Row, S>
  added: NewRow<Row, S>
}

export type IsAny<T> = 0 extends 1 & T ? true : false

/** A row as it is read. */
type StoredRow<Row, S extends string> = [GeneratedKey<S>] extends [never]
  ? Row
  : Row & { [Name in GeneratedKey<S>]: string }

/** A row as it is added. */
type NewRow<Row, S extends string> = [GeneratedKey<S>] extends [never]
  ? Row
  : WithoutKey<Row, GeneratedKey<S>> & { [Name in GeneratedKey<S>]?: string }

/** `Omit` that leaves an index signature standing, and unions. */
type WithoutKey<Row, Key> = Row extends unknown
  ? { [Name in keyof Row as Name extends Key ? never : Name]: Row[Name] }
  : never

/** What `table<Row>()` asks of its string: indexes are fields of the row, and a generated id is text. */
export type StoresFor<Row extends object, S extends string> = [Unknown<Row, S>] extends [never]
  ? GeneratedKey<S> extends keyof Row
    ? Row[GeneratedKey<S>] extends string | undefined
      ? S
      : S & { readonly mistake: 'an id that ++ generates is a string' }
    : S
  : S & { readonly mistake: `'${Unknown<Row, S>}' is no field of the row` }

type Unknown<Row, S extends string> = Exclude<FieldOf<IndexText<S>>, FieldsOf<Row> | GeneratedKey<S>>
type FieldsOf<Row> = Row extends unknown ? keyof Row : never

/** The type of the primary key. */
type KeyOf<Row, S extends string> =
  PrimaryText<S> extends `++${string}`
    ? string
    : PrimaryPath<S> extends `[${infer Parts}]`
      ? PartsOf<Row, Parts>
      : PrimaryPath<S> extends keyof Row
        ? Row[PrimaryPath<S>]
        : Key

type PartsOf<Row, Parts extends string> = Parts extends `${infer Head}+${infer Rest}`
  ? [PartOf<Row, Head>, ...PartsOf<Row, Rest>]
  : [PartOf<Row, Parts>]
type PartOf<Row, Part extends string> = Part extends keyof Row ? Row[Part] : Key

/** The row of a table without a type: its keys and indexes by name, anything besides. */
type LooseRow<S extends string> = { [Name in Exclude<FieldOf<IndexText<S>>, GeneratedKey<S>>]?: Any } & {
  [name: string]: Any
}

type GeneratedKey<S extends string> = PrimaryText<S> extends `++${infer Path}` ? FieldOf<Path> : never
type PrimaryText<S extends string> = S extends `${infer Head},${string}` ? Trim<Head> : Trim<S>
type PrimaryPath<S extends string> = Bare<PrimaryText<S>>
type IndexText<S extends string> = S extends `${infer Head},${infer Rest}`
  ? Bare<Trim<Head>> | IndexText<Rest>
  : Bare<Trim<S>>

/** A path that is one field of the row; none for compound, nested and missing ones. */
type FieldOf<Path extends string> = Path extends '' | `[${string}` | `${string}.${string}` ? never : Path
type Bare<S extends string> = S extends `${'+' | '&' | '*'}${infer Rest}` ? Bare<Rest> : S
type Trim<S extends string> = S extends `${Space}${infer Rest}` | `${infer Rest}${Space}` ? Trim<Rest> : S
type Space = ' ' | '\n' | '\t'

// biome-ignore lint/suspicious/noExplicitAny: rows of tables whose schema says nothing about them.
type Any = any
