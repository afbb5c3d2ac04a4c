/** Registering, signing in, the current user, profiles and follows. */
import { describe, expect, it } from "vitest"
import { call, person, rows, stored, unique } from "./client.ts"

const anyText = expect.any(String)

/** The fields and sentences of a refusal. */
async function refused(status: number, answer: ReturnType<typeof call>, ...fields: string[]) {
  const { status: got, body } = await answer
  expect([got, body]).toEqual([status, { errors: expect.objectContaining({ body: expect.any(Array) }) }])
  for (const sentences of Object.values(body.errors))
    expect(sentences).toEqual([anyText, ...(sentences as []).slice(1)])
  expect(Object.keys(body.errors)).toEqual(expect.arrayContaining(fields))
}

describe("registration", () => {
  it("answers 201 with a user and a token that works at once", async () => {
    const username = unique("new")
    const given = { username, email: `${username}@example.com`, password: "kestrel-gravel-41" }
    const { status, body } = await call(null, "POST /users", { body: { user: given } })
    expect([status, body]).toEqual([
      201,
      { user: { email: given.email, username, bio: "", image: "", token: anyText } },
    ])
    const me = await call(body.user, "GET /user")
    expect([me.status, me.body]).toEqual([200, body])
  })

  it("refuses a taken username and a taken address, and changes nothing", async () => {
    const { username, email } = await person()
    const password = "kestrel-gravel-41"
    const before = await stored()
    const free = unique("free")
    const sameName = { username, email: `${free}@example.com`, password }
    await refused(422, call(null, "POST /users", { body: { user: sameName } }), "username")
    const sameAddress = { username: free, email: email.toUpperCase(), password }
    await refused(422, call(null, "POST /users", { body: { user: sameAddress } }), "email")
    expect(await stored()).toEqual(before)
    // What was refused for its name may come again under another.
    const again = await call(null, "POST /users", { body: { user: { ...sameName, username: free } } })
    expect(again.status).toBe(201)
  })

  it("names every field at fault, and changes nothing", async () => {
    const before = await stored()
    const post = (body: unknown) => call(null, "POST /users", { body })
    await refused(422, post({ user: {} }), "username", "email", "password")
    await refused(
      422,
      post({ user: { username: "", email: "nobody", password: "kestrel-gravel-41" } }),
      "username",
      "email",
    )
    const user = { username: unique("short"), email: `${unique("short")}@example.com` }
    await refused(422, post({ user: { ...user, password: "seven77" } }), "password")
    await refused(422, post({ user: { ...user, password: "password1" } }), "password")
    await refused(422, post({ user: { ...user, password: "kestrel-gravel-41", admin: true } }), "admin")
    await refused(422, post({ username: "outside" }))
    await refused(422, post([]))
    await refused(422, call(null, "POST /users", { raw: '{"user":' }))
    expect(await stored()).toEqual(before)
  })

  it("makes one account of two registrations at once", async () => {
    const username = unique("race")
    const body = (n: number) => ({
      user: { username, email: `${username}-${n}@example.com`, password: "kestrel-gravel-41" },
    })
    const before = await rows("users")
    const answers = await Promise.all([0, 1].map((n) => call(null, "POST /users", { body: body(n) })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 422])
    expect(await rows("users")).toBe(before + 1)
  })
})

describe("signing in", () => {
  it("answers the user with another token", async () => {
    const { email, username, password, token } = await person()
    const { status, body } = await call(null, "POST /users/login", { body: { user: { email, password } } })
    expect([status, body]).toEqual([200, { user: { email, username, bio: "", image: "", token: anyText } }])
    expect(body.user.token).not.toBe(token)
    expect((await call(body.user, "GET /user")).status).toBe(200)
  })

  it("refuses a wrong password and an unknown address alike", async () => {
    const { email, password } = await person()
    const login = (user: object) => call(null, "POST /users/login", { body: { user } })
    const wrong = await login({ email, password: "kestrel-gravel-42" })
    const unknown = await login({ email: `${unique("nobody")}@example.com`, password })
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(wrong.body).toEqual(unknown.body)
    await refused(401, Promise.resolve(wrong))
    await refused(422, login({ email }), "password")
    await refused(422, login({}), "email", "password")
  })
})

describe("the current user", () => {
  it("is nobody without a token, and with a bad one", async () => {
    const { token } = await person()
    const [head = "", claims = "", seal = ""] = token.split(".")
    const forged = [head, claims.slice(0, -2), seal].join(".")
    for (const authorization of [
      "",
      "Token ",
      "Token nonsense",
      `Token ${forged}`,
      `Basic ${token}`,
      `Token ${token} x`,
    ])
      for (const line of ["GET /user", "PUT /user", "GET /articles/feed"])
        await refused(
          401,
          call(null, line, { authorization, ...(line.startsWith("PUT") ? { body: { user: { bio: "B" } } } : {}) }),
        )
  })

  it("takes Token and Bearer, in any case", async () => {
    const { token, username } = await person()
    for (const scheme of ["Token", "token", "Bearer"]) {
      const { body } = await call(null, "GET /user", { authorization: `${scheme} ${token}` })
      expect(body.user.username).toBe(username)
    }
  })

  it("changes what is given, and nothing else", async () => {
    const me = await person()
    const change = async (user: object) => (await call(me, "PUT /user", { body: { user } })).body.user
    const known = { email: me.email, username: me.username, bio: "", image: "", token: me.token }
    expect(await change({ bio: "I write." })).toEqual({ ...known, bio: "I write." })
    expect(await change({ image: "https://example.com/me.png" })).toMatchObject({
      bio: "I write.",
      image: "https://example.com/me.png",
    })
    const username = unique("renamed")
    expect(await change({ username, email: `${username}@example.com`, bio: "" })).toEqual({
      ...known,
      username,
      email: `${username}@example.com`,
      image: "https://example.com/me.png",
    })
    expect((await call(me, "GET /user")).body.user).toMatchObject({ username, bio: "" })
    expect((await call(null, `GET /profiles/${username}`)).status).toBe(200)
    expect((await call(null, `GET /profiles/${me.username}`)).status).toBe(404)
  })

  it("signs in with the new password, and no longer with the old one", async () => {
    const me = await person()
    const other = await call(null, "POST /users/login", { body: { user: { email: me.email, password: me.password } } })
    const password = "another-gravel-43"
    expect((await call(me, "PUT /user", { body: { user: { password } } })).status).toBe(200)
    const login = (given: string) =>
      call(null, "POST /users/login", { body: { user: { email: me.email, password: given } } })
    expect([(await login(password)).status, (await login(me.password)).status]).toEqual([200, 401])
    expect((await call(me, "GET /user")).status).toBe(200)
    expect(other.status).toBe(200)
  })

  it("refuses what is taken or wrong, and changes nothing", async () => {
    const [me, other] = [await person(), await person()]
    const before = await stored()
    const put = (user: unknown) => call(me, "PUT /user", { body: { user } })
    await refused(422, put({ username: other.username, bio: "changed" }), "username")
    await refused(422, put({ email: other.email, bio: "changed" }), "email")
    await refused(
      422,
      put({ email: "nobody", username: "", bio: 1, image: null, password: 5 }),
      "email",
      "username",
      "bio",
      "image",
      "password",
    )
    await refused(422, put({ password: "short", bio: "changed" }), "password")
    await refused(422, put({}))
    expect(await stored()).toEqual(before)
  })
})

describe("profiles", () => {
  it("are seen by anybody, as not followed by nobody", async () => {
    const { username } = await person()
    const { status, body } = await call(null, `GET /profiles/${username}`)
    expect([status, body]).toEqual([200, { profile: { username, bio: "", image: "", following: false } }])
  })

  it("are followed and unfollowed, any number of times", async () => {
    const [me, other, third] = [await person(), await person(), await person()]
    const shown = (following: boolean) => ({ profile: { username: other.username, bio: "", image: "", following } })
    const line = `/profiles/${other.username}/follow`
    const before = await rows("follows")
    for (const _ of [1, 2]) {
      const { status, body } = await call(me, `POST ${line}`)
      expect([status, body]).toEqual([200, shown(true)])
      expect(await rows("follows")).toBe(before + 1)
    }
    expect((await call(me, `GET /profiles/${other.username}`)).body).toEqual(shown(true))
    expect((await call(third, `GET /profiles/${other.username}`)).body).toEqual(shown(false))
    expect((await call(null, `GET /profiles/${other.username}`)).body).toEqual(shown(false))
    expect((await call(other, `GET /profiles/${me.username}`)).body.profile.following).toBe(false)
    await call(third, `POST ${line}`)
    for (const _ of [1, 2]) {
      const { status, body } = await call(me, `DELETE ${line}`)
      expect([status, body]).toEqual([200, shown(false)])
      expect(await rows("follows")).toBe(before + 1)
    }
    expect((await call(third, `GET /profiles/${other.username}`)).body).toEqual(shown(true))
  })

  it("are 404 for an unknown name, and 401 without a token where one is needed", async () => {
    const [me, { username }] = [await person(), await person()]
    const before = await stored()
    for (const line of [
      "GET /profiles/nobody-here",
      "POST /profiles/nobody-here/follow",
      "DELETE /profiles/nobody-here/follow",
    ])
      await refused(404, call(me, line))
    for (const method of ["POST", "DELETE"]) await refused(401, call(null, `${method} /profiles/${username}/follow`))
    await refused(401, call(null, `GET /profiles/${username}`, { authorization: "Token nonsense" }))
    expect(await stored()).toEqual(before)
  })
})

describe("an account that was made at the engine's own door", () => {
  it("has no profile, so it reads as others do and writes nothing", async () => {
    const { exports } = await import("cloudflare:workers")
    const given = { email: `${unique("plain")}@example.com`, password: "kestrel-gravel-41", name: "Plain" }
    const body = JSON.stringify({ ...given, transport: "bearer" })
    const headers = { "Content-Type": "application/json", "CF-Connecting-IP": "198.51.100.7" }
    const response = await exports.default.fetch(
      new Request("https://conduit.test/v1/auth/sign-up", { method: "POST", headers, body }),
    )
    const opened = (await response.json()) as { session: { accessToken: string } }
    expect([response.status, opened.session.accessToken]).toEqual([202, anyText])
    const who = { token: opened.session.accessToken }
    const before = await stored()
    expect((await call(who, "GET /articles")).status).toBe(200)
    await refused(404, call(who, "GET /user"))
    const article = { title: "T", description: "D", body: "B" }
    await refused(403, call(who, "POST /articles", { body: { article } }))
    expect(await stored()).toEqual(before)
  })
})
