/** Codes and tokens in the wrong hands, at the wrong time or place: the word that comes back, and that nothing has come of it. */
import { beforeAll, describe, expect, test } from "vitest"
import { formatGrantToken, readGrantToken } from "../../src/authentication/oauth/grant-token.ts"
import { call } from "../support/calls.ts"
import { newNetwork } from "../support/people.ts"
import { holdClock, inObject, objectOf } from "../support/user-objects.ts"
import {
  callback,
  form,
  type Host,
  host,
  letIn,
  newCode,
  type Program,
  redeem,
  refresh,
  refusalOf,
  register,
} from "./program.ts"

let program: Program

beforeAll(async () => {
  program = await register()
})

const grantsOf = async (who: Host): Promise<unknown[]> => (await call(who, "GET /v1/grants")).body.items
const eventsIn = (who: Host, kind: string) =>
  inObject(objectOf(who), `select "fields" from "events" where "kind" = '${kind}'`)

describe("checklist 32: a code", () => {
  let ada: Host
  beforeAll(async () => {
    ada = await host()
  })

  test("is redeemed once, also when eight ask at a time; the replay ends what the one got", async () => {
    const who = await host()
    const { code, proof } = await newCode(who, program)
    const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(program, code, proof)))
    const [won, ...others] = [...answers].sort((a, b) => a.status - b.status)
    expect(won?.status).toBe(200)
    expect(others.map(refusalOf)).toEqual(Array.from({ length: 7 }, () => [400, "invalid_grant"]))
    expect((await call({ token: won?.body.access_token }, "GET /v1/tasks")).status).toBe(401)
    expect(refusalOf(await refresh(program, won?.body.refresh_token))).toEqual([400, "invalid_grant"])
    expect(await grantsOf(who)).toEqual([])
    expect(await eventsIn(who, "grant.reuse")).toHaveLength(1)
  })

  test("is over after a minute", async () => {
    const who = await host()
    const { code, proof } = await newCode(who, program)
    await holdClock(objectOf(who), () => Date.now() + 61_000)
    expect(refusalOf(await redeem(program, code, proof))).toEqual([400, "invalid_grant"])
    await holdClock(objectOf(who), null)
    expect(await grantsOf(who)).toEqual([])
  })

  test.each<[string, Record<string, string>, number, string]>([
    ["another verifier", { code_verifier: "x".repeat(43) }, 400, "invalid_grant"],
    ["no verifier", { code_verifier: "" }, 400, "invalid_request"],
    ["another client", { client_id: "BBBBBBBBBBBBBBBB" }, 400, "invalid_grant"],
    ["no client", { client_id: "" }, 401, "invalid_client"],
    ["another resource", { resource: "https://elsewhere.example" }, 400, "invalid_target"],
    ["another redirect URI", { redirect_uri: "https://client.example/callbacks" }, 400, "invalid_grant"],
    ["a secret that it has not", { client_secret: "x" }, 401, "invalid_client"],
    ["a wider scope", { scope: "tasks:write" }, 400, "invalid_scope"],
    ["no grant type", { grant_type: "" }, 400, "invalid_request"],
    ["an unknown grant type", { grant_type: "password" }, 400, "unsupported_grant_type"],
    ["a grant type of the language", { grant_type: "constructor" }, 400, "unsupported_grant_type"],
  ])("with %s is refused, and still good for its own program", async (_, change, status, error) => {
    const { code, proof } = await newCode(ada, program)
    const answer = await redeem(program, code, proof, change)
    expect(refusalOf(answer)).toEqual([status, error])
    expect(answer.body.error_description).toEqual(expect.any(String))
    expect(answer.headers.get("Cache-Control")).toBe("no-store")
    expect((await redeem(program, code, proof)).status).toBe(200)
  })

  test("is no refresh token and no access token, and neither is a code", async () => {
    const { code, proof } = await newCode(ada, program)
    expect(refusalOf(await refresh(program, code))).toEqual([400, "invalid_grant"])
    expect((await call({ token: code }, "GET /v1/tasks")).status).toBe(401)
    const { body } = await redeem(program, code, proof)
    expect((await call({ token: body.refresh_token }, "GET /v1/tasks")).status).toBe(401)
    expect(refusalOf(await refresh(program, body.access_token))).toEqual([400, "invalid_grant"])
    expect((await call({ token: body.access_token }, "GET /v1/tasks")).status).toBe(200)
  })

  test("that was mistyped anywhere is refused", async () => {
    const { code, proof } = await newCode(ada, program)
    for (let at = "sv_ac_".length; at < code.length; at += 7) {
      const mistyped = code.slice(0, at) + (code[at] === "0" ? "1" : "0") + code.slice(at + 1)
      expect(refusalOf(await redeem(program, mistyped, proof))).toEqual([400, "invalid_grant"])
    }
    expect((await redeem(program, code, proof)).status).toBe(200)
  })
})

describe("a client with a secret", () => {
  let ada: Host
  beforeAll(async () => {
    ada = await host()
  })

  test.each(["client_secret_post", "client_secret_basic"])("by %s proves it with every call", async (method) => {
    const secretive = await register({ token_endpoint_auth_method: method })
    const { code, proof } = await newCode(ada, secretive)
    const bare = { id: secretive.id, secret: null }
    expect(refusalOf(await redeem(bare, code, proof))).toEqual([401, "invalid_client"])
    expect(refusalOf(await redeem(bare, code, proof, { client_secret: "wrong" }))).toEqual([401, "invalid_client"])
    const basic = (secret: string) => ({ Authorization: `Basic ${btoa(`${secretive.id}:${secret}`)}` })
    const given = { grant_type: "authorization_code", code, redirect_uri: callback, code_verifier: proof.verifier }
    const wrong = await form("/oauth/token", given, basic("wrong"))
    expect(refusalOf(wrong)).toEqual([401, "invalid_client"])
    expect(wrong.headers.get("WWW-Authenticate")).toBe('Basic realm="selvage"')
    const right =
      method === "client_secret_basic"
        ? await form("/oauth/token", given, basic(secretive.secret ?? ""))
        : await redeem(secretive, code, proof)
    expect(right.status).toBe(200)
    // A thief of the refresh token alone gets nothing, and ends nothing.
    expect(refusalOf(await refresh(bare, right.body.refresh_token))).toEqual([401, "invalid_client"])
    expect((await call({ token: right.body.access_token }, "GET /v1/tasks")).status).toBe(200)
  })
})

describe("checklist 23: a refresh token that was exchanged", () => {
  let ada: Host
  beforeAll(async () => {
    ada = await host()
  })

  test("and comes again later was stolen: the grant ends, its tokens with it, and the log says so", async () => {
    const who = await host()
    const first = await letIn(who, program)
    const second = await refresh(program, first.refresh)
    expect((await call({ token: second.body.access_token }, "GET /v1/tasks")).status).toBe(200)
    await holdClock(objectOf(who), () => Date.now() + 31_000)
    expect(refusalOf(await refresh(program, first.refresh))).toEqual([400, "invalid_grant"])
    expect((await call({ token: second.body.access_token }, "GET /v1/tasks")).status).toBe(401)
    expect(refusalOf(await refresh(program, second.body.refresh_token))).toEqual([400, "invalid_grant"])
    expect(await eventsIn(who, "grant.reuse")).toHaveLength(1)
    await holdClock(objectOf(who), null)
  })

  test("one that was never given ends nothing: the id of a grant is no secret", async () => {
    const who = await host()
    const tokens = await letIn(who, program)
    const { user, grant } = readGrantToken(["gr"], tokens.refresh) ?? { user: "", grant: "" }
    const madeUp = formatGrantToken("gr", `${user}:${grant}:${"A".repeat(32)}`)
    expect(refusalOf(await refresh(program, madeUp))).toEqual([400, "invalid_grant"])
    expect(await grantsOf(who)).toHaveLength(1)
    expect((await refresh(program, tokens.refresh)).status).toBe(200)
  })

  test.each<[string, Record<string, string>, number, string]>([
    ["another client", { client_id: "BBBBBBBBBBBBBBBB" }, 400, "invalid_grant"],
    ["another resource", { resource: "https://elsewhere.example" }, 400, "invalid_target"],
    ["a wider scope", { scope: "tasks:read tasks:write" }, 400, "invalid_scope"],
  ])("one that comes with %s is refused, and still good", async (_, change, status, error) => {
    const tokens = await letIn(ada, program)
    expect(refusalOf(await refresh(program, tokens.refresh, change))).toEqual([status, error])
    expect((await refresh(program, tokens.refresh)).status).toBe(200)
  })
})

describe("revocation", () => {
  let ada: Host
  beforeAll(async () => {
    ada = await host()
  })

  test("is for the program's own tokens", async () => {
    const tokens = await letIn(ada, program)
    const other = await register()
    expect(refusalOf(await form("/oauth/revoke", { token: tokens.refresh, client_id: other.id }))).toEqual([
      400,
      "invalid_grant",
    ])
    expect((await refresh(program, tokens.refresh)).status).toBe(200)
  })

  test("of nothing is refused", async () => {
    expect(refusalOf(await form("/oauth/revoke", { client_id: program.id }))).toEqual([400, "invalid_request"])
  })
})

describe("the form of what programs send", () => {
  test.each<[string, unknown, Record<string, string>, number]>([
    ["JSON", { grant_type: "refresh_token" }, {}, 400],
    ["no type", "grant_type=refresh_token", { "Content-Type": "text/plain" }, 400],
    [
      "a parameter twice",
      "grant_type=refresh_token&grant_type=x",
      { "Content-Type": "application/x-www-form-urlencoded" },
      400,
    ],
    ["too much", `x=${"y".repeat(1024 * 1024)}`, { "Content-Type": "application/x-www-form-urlencoded" }, 413],
    [
      "a value that is too long",
      `code=${"y".repeat(5000)}`,
      { "Content-Type": "application/x-www-form-urlencoded" },
      400,
    ],
  ])("%s is refused", async (_, body, headers, status) => {
    const answer = await call(null, "POST /oauth/token", {
      body,
      headers: { "CF-Connecting-IP": newNetwork(), ...headers },
    })
    expect(refusalOf(answer)).toEqual([status, "invalid_request"])
  })
})
