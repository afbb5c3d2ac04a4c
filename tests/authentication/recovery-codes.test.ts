/** Recovery codes: how they are made, read and typed. That each works once is in tests/security/second-factors.test.ts. */
import { expect, test } from "vitest"
import { mintRecoveryCodes, recoveryCodeHash } from "../../src/authentication/recovery-codes.ts"

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

test("checklist 15: ten, of 120 bits each, in groups that can be read; what is stored is a hash (ASVS 6.5.2)", async () => {
  const asked: number[] = []
  const { codes, hashes } = await mintRecoveryCodes((length) => {
    asked.push(length)
    return random(length)
  })
  expect(asked).toEqual(Array(10).fill(15))
  expect(new Set(codes).size).toBe(10)
  for (const code of codes) expect(code).toMatch(/^([A-Z2-7]{4}-){5}[A-Z2-7]{4}$/)
  expect(await Promise.all(codes.map(recoveryCodeHash))).toEqual(hashes)
  for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/)
})

test("are taken as people type them, and nothing that cannot be one is", async () => {
  const { codes, hashes } = await mintRecoveryCodes(random)
  const [code = ""] = codes
  for (const typed of [code.toLowerCase(), code.replaceAll("-", ""), ` ${code.replaceAll("-", " ")} `])
    expect(await recoveryCodeHash(typed)).toBe(hashes[0])
  for (const none of ["", "ABCD", `${code}A`, `${code}-AAAA`, code.slice(0, -1), code.replace("-", "/")])
    expect(await recoveryCodeHash(none)).toBeNull()
})
