/**
 * Which passwords may be chosen: long enough, not too long, well-formed text, and not what is guessed first. Nothing is asked of their
 * composition and nothing is trimmed; characters are code points after NFC (NIST SP 800-63B §3.1.1.2).
 */
import type { Violation } from "../core/problem.ts"
import { foldPassword, isCommonPassword } from "./common-passwords.ts"

/** No configuration goes below this many characters. */
export const passwordFloor = 8
/** Characters that are always accepted, and the most that are. At most 1,024 bytes. */
export const passwordMaximum = 256

/** What is configured. */
export interface PasswordRules {
  /** Characters; `passwordFloor` at least. */
  readonly minimum: number
  /** Names of the product, in any case: they count for nothing in a password. */
  readonly words: readonly string[]
}

/** The safe values. */
export const defaultPasswordRules: PasswordRules = { minimum: 15, words: ["selvage"] }

/** A word shorter than this says nothing when it is found. */
const wordLength = 3

/**
 * The text that is hashed: NFC, so that the same password typed on another device is the same.
 * @returns null when no password can have this text: over the maximum, or with half a surrogate pair, which UTF-8 has no bytes for
 */
export function normalisePassword(text: string): string | null {
  // NFC can make text shorter, but never to a sixteenth: what is longer is refused before any work.
  if (text.length > passwordMaximum * 16 || !text.isWellFormed()) return null
  const normal = text.normalize("NFC")
  return [...normal].length > passwordMaximum ? null : normal
}

/** The shortest text that this one is a repetition of, also where the last repetition is cut short: 123123 and 12312 -> 123. */
function unitOf(points: readonly string[]): readonly string[] {
  const borders = [0]
  let border = 0
  for (let at = 1; at < points.length; at++) {
    while (border > 0 && points[at] !== points[border]) border = borders[border - 1] as number
    if (points[at] === points[border]) border++
    borders.push(border)
  }
  return points.slice(0, points.length - border)
}

/** abcdefghij, 98765432, ……: each character is the neighbour of the one before. */
function isRun(points: readonly string[]): boolean {
  const codes = points.map((point) => point.codePointAt(0) as number)
  const step = (codes[1] ?? 0) - (codes[0] ?? 0)
  return Math.abs(step) <= 1 && codes.every((code, at) => at === 0 || code - (codes[at - 1] as number) === step)
}

function isGuessable(folded: string): boolean {
  if (isCommonPassword(folded)) return true
  const points = [...folded]
  if (points.length > 1 && isRun(points)) return true
  const unit = unitOf(points)
  if (unit.length === points.length) return false
  return (
    isCommonPassword(unit.join("")) || isRun(unit) || (unit.length < passwordFloor && unit.length * 2 <= points.length)
  )
}

function wordsOf(texts: readonly string[]): string[] {
  const words = texts.flatMap((text) => {
    const folded = foldPassword(text)
    return [folded, ...folded.split(/[^\p{L}\p{N}]+/u)]
  })
  // Longest first, so that a name is taken out whole.
  return [...new Set(words)].filter((word) => word.length >= wordLength).sort((a, b) => b.length - a.length)
}

/** Too little is left, or what everyone tries, once the words are taken out. */
function leansOn(folded: string, words: readonly string[]): boolean {
  const found = words.filter((word) => folded.includes(word))
  if (found.length === 0) return false
  const left = found.reduce((text, word) => text.replaceAll(word, ""), folded)
  return [...left].length < passwordFloor || isGuessable(left)
}

/**
 * What is wrong with a password that somebody chooses; empty when nothing is.
 * @param personal what attackers know of the person: e-mail address, name
 * @param path JSON pointer of the password in the input
 */
export function checkPassword(
  text: string,
  rules: PasswordRules,
  personal: readonly string[] = [],
  path = "/password",
): readonly Violation[] {
  const violation = (code: string, message: string): readonly Violation[] => [{ path, code, message }]
  const normal = normalisePassword(text)
  if (normal === null)
    return text.isWellFormed()
      ? violation("too_long", `The password has more than ${passwordMaximum} characters`)
      : violation("malformed_text", "The password is not well-formed text")
  const minimum = Math.max(passwordFloor, rules.minimum)
  if ([...normal].length < minimum)
    return violation("too_short", `The password has fewer than ${minimum} characters; a few words in a row are good`)
  const folded = foldPassword(normal)
  if (isGuessable(folded)) return violation("common_password", "The password is one that is guessed first")
  if (leansOn(folded, wordsOf([...rules.words, ...personal])))
    return violation("obvious_password", "The password is little more than the name of the product or of the person")
  return []
}
