/**
 * The demo's people: random passwords, which `npm start` prints and `npm run -s password -- ada@example.com` prints alone. They are kept as
 * text in the local state, readable by its owner only, and reach a database as Argon2id under the local PEPPER like any other password.
 */
import { randomInt } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { argon2id } from "@noble/hashes/argon2.js"
import { passwords } from "../src/authentication/password.ts"
import { sealer } from "../src/authentication/seal.ts"
import { parseKeyRing } from "../src/core/sealing.ts"
import { run, Stop, stateRoot } from "./local.ts"
import { words } from "./words.ts"

const passwordsPath = join(stateRoot, "demo-passwords.json")

/** A password that nobody has: four words and four digits, 45 bits of chance, 24 characters at least. */
export function newPassword(): string {
  const chosen = Array.from({ length: 4 }, () => words[randomInt(words.length)])
  return `${chosen.join("-")}-${randomInt(10_000).toString().padStart(4, "0")}`
}

/** The demo passwords by address; empty when none were made. */
export function readDemoPasswords(path = passwordsPath): ReadonlyMap<string, string> {
  if (!existsSync(path)) return new Map()
  return new Map(Object.entries(JSON.parse(readFileSync(path, "utf8")) as Record<string, string>))
}

/** Keeps the demo passwords where `npm run reset` removes them. */
export function keepDemoPasswords(byAddress: ReadonlyMap<string, string>, path = passwordsPath): void {
  mkdirSync(dirname(path), { recursive: true })
  // The mode counts for a new file only.
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(byAddress), null, 2)}\n`, { mode: 0o600 })
}

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

/**
 * What the Worker stores for a password, made in Node: the same text, by another implementation of the same hash.
 * @param pepper the ring PEPPER, as text
 * @throws Error when it is no key ring
 */
export function passwordSealing(pepper: string): (userId: string, password: string) => Promise<string> {
  const { hash } = passwords({
    derive: (password, salt, { memoryKiB, passes, lanes }, length) =>
      argon2id(password, salt, { m: memoryKiB, t: passes, p: lanes, dkLen: length }),
    sealer: sealer(parseKeyRing(pepper), random),
    random,
  })
  return hash
}

/** The command: prints the password of the person whose address is given. */
export function tellPassword(): void {
  const [address] = process.argv.slice(2)
  const known = readDemoPasswords()
  if (known.size === 0) throw new Stop("There are no demo passwords: `npm start` makes them with the database.")
  const password = address === undefined ? undefined : known.get(address)
  if (password === undefined) throw new Stop(`Say whose: ${[...known.keys()].join(", ")}`)
  console.log(password)
}

if (import.meta.main) await run(tellPassword)
