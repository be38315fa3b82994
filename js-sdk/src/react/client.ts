/** Hands one client down to the hooks. */

import { type Context, createContext, createElement, type ReactNode, useContext } from 'react'
import type { WebHostClient } from '../client.js'

// biome-ignore lint/suspicious/noExplicitAny: a context can't carry the schema of the app
type AnyClient = WebHostClient<any>

const ClientContext: Context<AnyClient | null> = createContext<AnyClient | null>(null)

export function WebHostProvider(props: { readonly client: AnyClient; readonly children?: ReactNode }) {
  return createElement(ClientContext.Provider, { value: props.client }, props.children)
}

/** The client of the nearest `WebHostProvider`. */
export function useClient(): AnyClient {
  const client = useContext(ClientContext)
  if (client === null) throw new Error('no client here: put <WebHostProvider client={client}> around the app')
  return client
}
