/** The one file of the package that runs is pinned: it has one maintainer, and it sees every password. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { expect, test } from "vitest"

test("the WebAssembly file of @phi-ag/argon2 0.5.28 is the one that was looked at, and asks nothing of its host", async () => {
  const bytes = readFileSync(createRequire(import.meta.url).resolve("@phi-ag/argon2/argon2.wasm"))
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(
    "38f461d188b5dc980881ed92f9ecc12473e9206a588625e3ef0c4c5125dc85b1",
  )
  expect(WebAssembly.Module.imports(Reflect.construct(WebAssembly.Module, [bytes]))).toEqual([])
})
