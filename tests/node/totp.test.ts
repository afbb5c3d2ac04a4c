/** The command that stands in for an authenticator app. */
import { execFileSync, spawnSync } from "node:child_process"
import { join } from "node:path"
import { expect, test } from "vitest"
import { root } from "../../scripts/local.ts"
import { hotp, stepOf } from "../../src/authentication/totp.ts"

const script = join(root, "scripts/totp.ts")
const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

test("prints the code of now and nothing else", async () => {
  const seed = new TextEncoder().encode("12345678901234567890")
  const before = stepOf(new Date())
  const printed = execFileSync(process.execPath, [script, secret], { encoding: "utf8" })
  const codes = await Promise.all([before, stepOf(new Date())].map((step) => hotp(seed, step)))
  expect(codes.map((code) => `${code}\n`)).toContain(printed)
})

test.each(["", "not base 32!", "JBSW"])("refuses what is no seed: %j", (given) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, given], { encoding: "utf8" })
  expect([status, stdout]).toEqual([1, ""])
  expect(stderr).toContain("factors.enrolTotp")
})
