import { expect, test, inject } from "vitest"
import { clients, registry, tokenOf, rows, drain } from "./clients.ts"
import { personOf } from "./people.ts"
test("smoke", async () => {
  const all = await clients(true)
  for (const client of all) {
    const token = await tokenOf(personOf(client.name))
    const op = registry.operations.get("echo.values")!
    const input = { text: "a b", word: "in-between", small: 1, safe: 9007199254740991, large: "9223372036854775807", double: 0.1, flag: true, at: "2026-12-24T17:00:00.000Z", day: "2026-12-24", data: "aGVsbG8=", anything: {a:[1,null,"x"]}, form: {kind:"circle", radius: 1.5}, inner: {text: "", deeper: {at:"2026-12-24T17:00:00.000Z"}}, texts: ["a"], numbers: [1,2], holes: ["a", null], grid: [[1,2],[3]], forms: [{kind:"square", side: 2}], named: {a:"b"}, counted: {x: 1}, nullable: null }
    try { console.log(client.name, JSON.stringify(await client.call({ token, operation: op, input }))) } catch (e) { console.log(client.name, e) }
    try { console.log(client.name, JSON.stringify(await client.call({ token, operation: registry.operations.get("echo.fail")!, input: {code: "UNAVAILABLE"} }))) } catch (e) { console.log(client.name, e) }
    try { console.log(client.name, JSON.stringify(await client.call({ token: null, operation: op, input: {} }))) } catch (e) { console.log(client.name, e) }
    try { console.log(client.name, JSON.stringify(await client.call({ token, operation: registry.operations.get("echo.old")!, input: {} }))) } catch (e) { console.log(client.name, e) }
  }
  for (const c of all) await c.close()
})
