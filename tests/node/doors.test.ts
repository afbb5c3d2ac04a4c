/** docs/doors.md tells of codes as the doors have them. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { codeToString } from "@connectrpc/connect/protocol-connect"
import { expect, test } from "vitest"
import { statusOf } from "../../src/api/rest/problem.ts"
import { soap12 } from "../../src/api/soap/envelope.ts"
import { faultOf } from "../../src/api/soap/problem.ts"
import { numberOfCode } from "../../src/api/websocket/problem.ts"
import { codes } from "../../src/core/code.ts"
import { Problem } from "../../src/core/problem.ts"

const page = readFileSync(join(import.meta.dirname, "../../docs/doors.md"), "utf8")

test.each(codes.map((code, n) => [code, n + 1] as const))("%s", (code, number) => {
  const problem = new Problem(code, "Refused")
  const side = faultOf(soap12, problem, "").text.includes("soap:Receiver") ? "Server / Receiver" : "Client / Sender"
  const row = `| \`${code}\` | ${statusOf(problem)} | \`${codeToString(number)}\`, ${number} | ${numberOfCode(code)} | ${side} |`
  expect(page.split("\n")).toContain(row)
})
