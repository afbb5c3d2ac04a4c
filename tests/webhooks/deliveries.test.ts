/** What is told to whom: signed, in order, once for each event; and the log of what was sent. */
import { Webhook } from "standardwebhooks"
import { describe, expect, test } from "vitest"
import { mintToken, newActor } from "../support/actors.ts"
import { eventsOf, newWorkspace } from "../support/workspace.ts"
import { hookWorld, minute, toldAt } from "./world.ts"

describe("an event", () => {
  test("arrives signed, as Standard Webhooks says, and its delivery tells of it", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    world.at(new URL(endpoint.url).host, () => new Response("thank you"))
    const task = await world.task("Write")
    await world.tell()
    const [message, ...others] = toldAt(world, endpoint)
    expect(others).toEqual([])
    const verified = new Webhook(endpoint.secret).verify(message?.body ?? "", message?.headers ?? {})
    expect(verified).toMatchObject({
      type: "tasks.created",
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        id: task.id,
        change: "created",
        record: { id: task.id, title: "Write", version: 1, status: "open" },
        changed: expect.arrayContaining(["title", "projectId"]),
      },
    })
    const [event] = await eventsOf(task.id)
    expect(message?.headers["webhook-id"]).toBe(event?.id)
    expect(message?.json.data.sequence).toBe(event?.sequence)
    expect(message?.headers["content-type"]).toBe("application/json")
    const { body: page } = await world.call(world.owner, `GET /v1/webhook_deliveries?endpointId=${endpoint.id}`)
    expect(page.items).toMatchObject([
      {
        status: "delivered",
        attempts: 1,
        type: "tasks.created",
        recordId: task.id,
        eventId: event?.id,
        request: message?.body,
        responseStatus: 200,
        response: "thank you",
        fault: null,
      },
    ])
  })

  test("does not verify with another secret, another body, or another id", async () => {
    const world = await hookWorld()
    const [endpoint, other] = [await world.endpoint(world.owner), await world.endpoint(world.owner)]
    await world.task()
    await world.tell()
    const { body, headers } = toldAt(world, endpoint)[0] ?? { body: "", headers: {} }
    const wrong = [
      () => new Webhook(other.secret).verify(body, headers),
      () => new Webhook(endpoint.secret).verify(`${body} `, headers),
      () => new Webhook(endpoint.secret).verify(body, { ...headers, "webhook-id": "event_other" }),
    ]
    for (const verify of wrong) expect(verify).toThrow(/No matching signature/)
  })

  test("is delivered once though the log is read twice, and the feed is told of the new jobs", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    await world.task()
    const pokes = world.apart.pokes()
    const events = await world.read()
    await world.served.feed.readers.find(({ name }) => name === "webhooks")?.read(events, {} as SqlStorage)
    expect(await world.apart.rows()).toHaveLength(1)
    await world.tell()
    expect(toldAt(world, endpoint)).toHaveLength(1)
    expect(await world.deliveries(endpoint.id)).toHaveLength(1)
    expect(world.apart.pokes()).toBeGreaterThan(pokes)
  })

  test("that arrived is not sent again when the job's end was lost", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    await world.task()
    await world.read()
    let lost = 0
    world.trip = (sql) => {
      if (lost === 0 && sql.some((text) => text.startsWith('delete from "outbox_'))) {
        lost++
        throw new Error("D1_ERROR: the connection is lost")
      }
    }
    await world.run()
    expect([lost, (await world.apart.rows()).length]).toEqual([1, 1])
    world.pass(minute)
    await world.run()
    expect(await world.apart.rows()).toEqual([])
    expect(toldAt(world, endpoint)).toHaveLength(1)
    expect(await world.deliveries(endpoint.id)).toMatchObject([{ status: "delivered", attempts: 1 }])
  })

  test("goes only to those who asked for its type, its resource and its tenant", async () => {
    const world = await hookWorld()
    const made = await world.endpoint(world.owner, { events: ["tasks.created"] })
    const gone = await world.endpoint(world.owner, { events: ["tasks.deleted", "comments.*"] })
    const elsewhere = await newWorkspace()
    const foreign = await world.endpoint(elsewhere.owner, { tenantId: elsewhere.organizationId })
    const task = await world.task()
    await world.retitle(task.id, "Write more")
    await world.call(world.owner, "POST /v1/comments", { taskId: task.id, body: "Well" })
    await world.call(world.owner, `DELETE /v1/tasks/${task.id}`)
    await world.tell()
    const types = (endpoint: { url: string }) => toldAt(world, endpoint).map(({ json }) => json.type)
    // It was deleted before the first was told of: that it was made is told, and nothing of what it was.
    expect(toldAt(world, made).map(({ json }) => [json.type, json.data.record])).toEqual([["tasks.created", null]])
    expect([...types(gone)].sort()).toEqual(["comments.created", "comments.deleted", "tasks.deleted"])
    expect(types(foreign)).toEqual([])
    expect(await world.deliveries(foreign.id)).toEqual([])
    const { body } = await world.call(elsewhere.owner, "GET /v1/webhook_deliveries")
    expect(body.items).toEqual([])
  })

  test("goes to endpoints as they stand in the log: one that is made while others are told, none that was disabled", async () => {
    const world = await hookWorld()
    const first = await world.endpoint(world.owner)
    await world.task()
    await world.tell()
    const second = await world.endpoint(world.owner)
    await world.task()
    await world.tell()
    await world.call(world.owner, `POST /v1/webhook_endpoints/${first.id}/disable`, {})
    await world.task()
    await world.tell()
    const rows = async ({ id }: { id: string }) => (await world.deliveries(id)).map(({ status }) => status)
    expect(await rows(first)).toEqual(["delivered", "delivered"])
    expect(await rows(second)).toEqual(["delivered", "delivered"])
  })

  test("about endpoints and deliveries themselves is told to nobody", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    for (let n = 0; n < 3; n++) await world.tell()
    expect(await world.deliveries(endpoint.id)).toEqual([])
  })
})

describe("order", () => {
  test("within an endpoint and a record is that of the log, also when the first of them fails; other records go on", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    const [slow, quick] = [await world.task("slow"), await world.task("quick")]
    await world.tell()
    let isWell = false
    world.at(new URL(endpoint.url).host, ({ json }) => {
      const { id } = json.data
      return new Response(null, { status: id === slow.id && !isWell ? 500 : 200 })
    })
    world.received.length = 0
    for (const title of ["1", "2", "3"]) {
      await world.retitle(slow.id, `slow ${title}`)
      await world.retitle(quick.id, `quick ${title}`)
    }
    await world.tell()
    const told = (id: string) => toldAt(world, endpoint).filter(({ json }) => json.data.id === id)
    const sequences = (id: string) => told(id).map(({ json }) => json.data.sequence as number)
    const sorted = (all: number[]) => [...all].sort((a, b) => a - b)
    expect(sequences(quick.id)).toEqual(sorted(sequences(quick.id)))
    expect(sequences(quick.id)).toHaveLength(3)
    // One attempt: the others of this record wait behind it.
    expect(sequences(slow.id)).toHaveLength(1)
    isWell = true
    world.pass(minute)
    await world.run()
    const [failed, ...rest] = sequences(slow.id)
    expect(rest).toHaveLength(3)
    expect(rest[0]).toBe(failed)
    expect(rest).toEqual(sorted(rest))
    // The repetition is known by its id, and is signed anew.
    const [first, again] = told(slow.id)
    expect(again?.headers["webhook-id"]).toBe(first?.headers["webhook-id"])
    expect(Number(again?.headers["webhook-timestamp"])).toBeGreaterThan(Number(first?.headers["webhook-timestamp"]))
  })
})

describe("the log of deliveries", () => {
  test("can be sent again from, with the id that it had, by its owner alone", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    const task = await world.task()
    await world.tell()
    const [delivery] = await world.deliveries(endpoint.id)
    const line = `POST /v1/webhook_deliveries/${delivery?.id}/replay`
    expect((await world.call(world.stranger, line, {})).status).toBe(404)
    await world.retitle(task.id, "Since then")
    expect((await world.call(world.owner, line, {})).status).toBe(202)
    await world.run()
    const [first, again] = toldAt(world, endpoint)
    expect(again?.headers["webhook-id"]).toBe(first?.headers["webhook-id"])
    expect(again?.json.data.record.title).toBe("Since then")
    expect(await world.deliveries(endpoint.id)).toMatchObject([{ id: delivery?.id, status: "delivered", attempts: 2 }])
  })

  test("is each owner's own; administrators read all", async () => {
    const world = await hookWorld()
    const [mine, theirs] = [await world.endpoint(world.owner), await world.endpoint(world.editor)]
    await world.task()
    await world.tell()
    const admin = await newActor("admin", ["admin"])
    const adminToken = { token: await mintToken(admin.id, { roles: ["admin"], expiresIn: 86_400 }) }
    const idsOf = (body: { items: { endpointId: string }[] }) => body.items.map((one) => one.endpointId).sort()
    const page = await world.call(world.owner, "GET /v1/webhook_deliveries?status=delivered")
    expect(idsOf(page.body)).toEqual([mine.id])
    const all = await world.served.call(adminToken, "GET /v1/webhook_deliveries?status=delivered")
    expect(idsOf(all.body)).toEqual([mine.id, theirs.id].sort())
    expect((await world.call(null, "GET /v1/webhook_deliveries")).status).toBe(401)
  })

  test("keeps what an endpoint that was deleted had, and sends it nothing more", async () => {
    const world = await hookWorld()
    const endpoint = await world.endpoint(world.owner)
    await world.task()
    await world.read()
    expect((await world.call(world.owner, `DELETE /v1/webhook_endpoints/${endpoint.id}`)).status).toBe(204)
    await world.run()
    expect(toldAt(world, endpoint)).toEqual([])
    expect(await world.deliveries(endpoint.id)).toMatchObject([{ status: "skipped", attempts: 0 }])
  })
})
