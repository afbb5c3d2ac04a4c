/** Notes are their owner's alone. */
import { beforeAll, expect, test } from "vitest"
import { type Call, caller, person } from "./people.ts"

let ada: Call
let ben: Call

beforeAll(async () => {
  ada = await person("Ada")
  ben = await person("Ben")
})

test("what one writes down, one finds again", async () => {
  const created = await ada("POST /v1/notes", { title: "Buy thread", body: "Two spools, blue." })
  expect(created).toMatchObject({ status: 201, body: { title: "Buy thread", pinned: false } })

  const pinned = await ada(`PATCH /v1/notes/${created.body.id}`, { pinned: true })
  expect(pinned).toMatchObject({ status: 200, body: { title: "Buy thread", pinned: true } })
  const listed = await ada("GET /v1/notes?pinned=true")
  expect(listed.body.items.map((one: { id: string }) => one.id)).toEqual([created.body.id])
  expect((await ada("GET /v1/notes?q=spools")).body.items).toHaveLength(1)
})

test("another's note is not there: neither to read nor to change nor to find", async () => {
  const { body: note } = await ada("POST /v1/notes", { title: "A secret weave" })
  expect((await ben(`GET /v1/notes/${note.id}`)).status).toBe(404)
  expect((await ben(`PATCH /v1/notes/${note.id}`, { title: "Mine now" })).status).toBe(404)
  expect((await ben(`DELETE /v1/notes/${note.id}`)).status).toBe(404)
  expect((await ben("GET /v1/notes?q=weave")).body.items).toEqual([])
  expect((await ada(`GET /v1/notes/${note.id}`)).body.title).toBe("A secret weave")
})

test("nobody gets a note, and what is missing is named", async () => {
  expect((await caller()("GET /v1/notes")).status).toBe(401)
  const refused = await ada("POST /v1/notes", { body: "No title" })
  expect(refused).toMatchObject({ status: 400, body: { violations: [{ path: "/title" }] } })
})
