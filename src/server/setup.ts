/** Codes that make an administrator: kept as hashes by whoever operates the installation, used up here. */

/** Uses a code up; false when there is none with this hash, or when its time is over. One statement decides. */
export async function takeSetupCode(database: D1Database, hash: string, now: Date): Promise<boolean> {
  const row = await database
    .prepare('delete from "setup_codes" where "hash" = ?1 and "expiresAt" > ?2 returning 1')
    .bind(hash, now.toISOString())
    .first()
  return row !== null
}
