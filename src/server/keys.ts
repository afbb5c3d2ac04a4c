/** Every KV key and object name, with content and lifetime. Nothing else builds one. */

import { networkOf } from "../core/address.ts"

/** KV: read by the readiness check, never written: what counts is that KV answers. */
export const healthKey = "health/ready"

/** KV: what a provider's discovery said, JSON, for `providerSeconds.metadata`. Public; what is gone is asked for again. */
function providerMetadataKey(issuer: string): string {
  return `provider/metadata/${issuer}`
}

/** KV: a provider's public keys and when they were fetched, JSON, for `providerSeconds.keys`. Public; what is gone is asked for again. */
function providerKeysKey(issuer: string): string {
  return `provider/keys/${issuer}`
}

/** The key of each kind of what is known of a provider. An issuer has at most 300 characters. */
export const providerKeys = { metadata: providerMetadataKey, keys: providerKeysKey } as const

/** How long it is kept. Keys longer than five minutes are not believed by the library either. */
export const providerSeconds = { metadata: 3600, keys: 300 } as const

/** Name of a user's own object. `id` is the user's TypeID. */
export function userObjectName(id: string): string {
  return `user/${id}`
}

/** Name of an object that stands in for users that there are not; its name never begins with `user/`. */
export function ghostObjectName(bucket: number): string {
  return `ghost/${bucket}`
}

/** Name of the one feed object: reads the log of the database and holds the cursors of its readers. Lives as long as the database. */
export const feedObjectName = "feed"

/** Name of a topic object: who watches a resource of a tenant, or one of its records. Holds addresses of live objects; empty when nobody watches. */
export function topicObjectName(resource: string, tenant: string | null, record: string | null): string {
  return `topic/${resource}/${tenant ?? "-"}/${record ?? "all"}`
}

/** Name of an object with the streams of one service account; a person's are in their own object. Holds subscriptions; empty when none is open. */
export function serviceStreamsObjectName(id: string): string {
  return `streams/service/${id}`
}

/** Name of an object with streams of callers who are nobody, spread over a few. */
export function anonymousStreamsObjectName(shard: number): string {
  return `streams/anonymous/${shard}`
}

/** Name of the object that the readiness check calls; it stores nothing. */
export const healthObjectName = "health"

/** Key of the shield for an address. */
export function addressKey(address: string): string {
  return `address/${networkOf(address)}`
}

/** Key of the shield for a principal. */
export function principalKey(id: string): string {
  return `principal/${id}`
}
