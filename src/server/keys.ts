/** Every KV key and object name, with content and lifetime. Nothing else builds one. */

import { networkOf } from "../core/address.ts"

/** KV: read by the readiness check, never written: what counts is that KV answers. */
export const healthKey = "health/ready"

/** Name of a user's own object. `id` is the user's TypeID. */
export function userObjectName(id: string): string {
  return `user/${id}`
}

/** Name of an object that stands in for users that there are not; its name never begins with `user/`. */
export function ghostObjectName(bucket: number): string {
  return `ghost/${bucket}`
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
