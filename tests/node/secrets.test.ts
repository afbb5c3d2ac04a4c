/** What is uploaded and what is committed holds no secret: no private key, no key ring with keys, no API key, no password of anybody. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { root } from "../../scripts/local.ts"

/** What a secret of ours, or a provider's, looks like. Each is shown to find what it is for. */
const forms: readonly (readonly [what: string, form: RegExp, example: string])[] = [
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----/, "-----BEGIN EC PRIVATE KEY-----"],
  ["the private part of a JWK", /"d"\s*:\s*"[A-Za-z0-9_-]{43}"/, `{"kty":"OKP","d":"${"A".repeat(43)}"}`],
  ["an API key", /\bsv_live_[0-9A-Za-z]{70}\b/, `sv_live_${"0".repeat(70)}`],
  [
    "a key ring",
    /"keys"\s*:\s*\{\s*"[\w-]{1,16}"\s*:\s*"[A-Za-z0-9_-]{43}"/,
    `{"current":"k1","keys":{"k1":"${"A".repeat(43)}"}}`,
  ],
  [
    "an access token",
    /\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}/,
    `eyJ${"a".repeat(20)}.eyJ${"a".repeat(20)}.${"a".repeat(20)}`,
  ],
  [
    "a token of Cloudflare",
    /CLOUDFLARE_API_TOKEN\s*=\s*["']?[A-Za-z0-9_-]{30,}/,
    `CLOUDFLARE_API_TOKEN=${"a".repeat(40)}`,
  ],
]

const found = (text: string) => forms.filter(([, form]) => form.test(text)).map(([what]) => what)

test.each(forms)("the form of %s finds one", (what, _, example) => {
  expect(found(example)).toContain(what)
})

describe("checklist 42: no secret", () => {
  const folder = mkdtempSync(join(tmpdir(), "selvage-secrets-"))
  beforeAll(() => {
    const script = createRequire(import.meta.url)
      .resolve("wrangler/package.json")
      .replace("package.json", "bin/wrangler.js")
    execFileSync(process.execPath, [script, "deploy", "--dry-run", "--outdir", folder], { cwd: root, stdio: "pipe" })
  }, 60_000)
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  test("in the bundle, nor any value of the variables that this run has", () => {
    // Source maps stay here: wrangler.toml does not ask to upload them.
    expect(readFileSync(join(root, "wrangler.toml"), "utf8")).not.toContain("upload_source_maps")
    const names = readdirSync(folder).filter((name) => !name.endsWith(".map"))
    expect(names).toContain("index.js")
    const values = ["PEPPER", "KEK", "REFRESH", "CURSOR_SECRET"].flatMap((name) => process.env[name] ?? [])
    for (const name of names) {
      const text = readFileSync(join(folder, name), "utf8")
      expect([name, found(text)]).toEqual([name, []])
      for (const value of values) expect(text.includes(value), name).toBe(false)
    }
  })

  test("in the repository", () => {
    const files = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0").filter(Boolean)
    expect(files.length).toBeGreaterThan(200)
    expect(files.filter((name) => /(^|\/)\.(dev\.vars|env)$/.test(name))).toEqual([])
    const self = "tests/node/secrets.test.ts"
    for (const name of files.filter((one) => one !== self))
      expect([name, found(readFileSync(join(root, name), "utf8"))]).toEqual([name, []])
  })

  test("in the settings that are uploaded in clear", () => {
    const settings = readFileSync(join(root, "wrangler.toml"), "utf8")
    const [, vars = ""] = /\[vars\]([\s\S]*?)\n\[/.exec(settings) ?? []
    expect(vars).toContain("TOKEN_ISSUER")
    expect(vars).not.toMatch(/SECRET|PEPPER|KEK|REFRESH|PASSWORD|PRIVATE/)
    for (const name of ["CURSOR_SECRET", "PEPPER", "KEK", "REFRESH"])
      expect(settings).toMatch(new RegExp(`required = .*"${name}"`))
  })
})
