/**
 * What changes have touched, for the caches of all isolates: the newest sequence of each tag, as long as an answer could live that it makes void.
 * Bounded: a noun of which many records were touched is told as a whole.
 */
import type { KeptTouch, Touch } from "../core/hub-object.ts"
import { everyRecordTag } from "../core/tags.ts"
import { hubVersion } from "./hub.ts"
import { setNumber } from "./turn.ts"

/** Records of one noun that are told one by one. */
export const recordsMax = 200

/** `articles/article_1` -> its noun and its record; the record of `articles` is empty. */
function partsOf(tag: string): readonly [noun: string, record: string] {
  const at = tag.indexOf("/")
  return at === -1 ? [tag, ""] : [tag.slice(0, at), tag.slice(at + 1)]
}

/**
 * Takes touches under a new version. Gives it.
 * @param until milliseconds since 1970
 */
export function touchTags(sql: SqlStorage, touches: readonly Touch[], until: number): number {
  const version = hubVersion(sql)
  if (touches.length === 0) return version
  const put = (tag: string, sequence: number) =>
    void sql.exec(
      `insert into "touched" values (?1, ?2, ?3, ?4, ?5) on conflict ("noun", "record") do update set
         "sequence" = max("sequence", excluded."sequence"), "until" = max("until", excluded."until"), "version" = excluded."version"`,
      ...partsOf(tag),
      sequence,
      until,
      version + 1,
    )
  for (const { tag, sequence } of touches) put(tag, sequence)
  for (const { noun, newest } of crowded(sql)) {
    sql.exec(`delete from "touched" where "noun" = ? and "record" not in ('', '*')`, noun)
    put(everyRecordTag(noun), newest)
  }
  setNumber(sql, "version", version + 1)
  return version + 1
}

function crowded(sql: SqlStorage): readonly { readonly noun: string; readonly newest: number }[] {
  return sql
    .exec<{ noun: string; newest: number }>(
      `select "noun", max("sequence") as "newest" from "touched" where "record" not in ('', '*') group by "noun" having count(*) > ?`,
      recordsMax,
    )
    .toArray()
}

/** What came after a version. A version that this object has not reached is another's: then everything that lives. */
export function touchesSince(
  sql: SqlStorage,
  version: number,
  now: number,
): { readonly version: number; readonly touches: readonly KeptTouch[] } {
  const newest = hubVersion(sql)
  const touches = sql
    .exec<{ tag: string; sequence: number; until: number }>(
      `select "noun" || case "record" when '' then '' else '/' || "record" end as "tag", "sequence", "until" from "touched"
         where "version" > ? and "until" > ?`,
      version > newest ? 0 : version,
      now,
    )
    .toArray()
  return { version: newest, touches }
}

/** Clears what no answer can depend on any more. */
export function sweepTouches(sql: SqlStorage, now: number): void {
  sql.exec('delete from "touched" where "until" <= ?', now)
}
