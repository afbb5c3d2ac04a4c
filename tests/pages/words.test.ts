/** What people read: waits, problems, and the names of their browsers. */
import { describe, expect, test } from "vitest"
import { deviceName } from "../../src/api/pages/device.ts"
import { sayProblem, sayViolation, statusOf, waitText } from "../../src/api/pages/words.ts"
import { invalid, Problem } from "../../src/core/problem.ts"

test.each([
  [0.2, "1 second"],
  [1, "1 second"],
  [45, "45 seconds"],
  [91, "2 minutes"],
  [900, "15 minutes"],
  [5401, "2 hours"],
])("a wait of %d seconds is %s, never less", (seconds, text) => expect(waitText(seconds)).toBe(text))

describe("a problem", () => {
  const secret = new Error("select * from users")

  test.each([
    [
      new Problem("RESOURCE_EXHAUSTED", "Too many", { retryAfterSeconds: 60 }),
      429,
      "Too many attempts. Try again in 60 seconds.",
    ],
    [
      new Problem("RESOURCE_EXHAUSTED", "There are too many of these already"),
      429,
      "There are too many of these already.",
    ],
    [
      new Problem("UNAVAILABLE", "Accounts cannot be reached right now"),
      503,
      "Accounts cannot be reached right now. Try again in a moment.",
    ],
    [new Problem("ABORTED", "Stale"), 409, "Something else changed at the same moment. Try again."],
    [
      new Problem("UNAUTHENTICATED", "The address or the password is wrong"),
      400,
      "The address or the password is wrong.",
    ],
    [
      new Problem("INTERNAL", "Something", { cause: secret }),
      500,
      "Something went wrong on our side. If it happens again, tell whoever runs this site the number id-1.",
    ],
  ])("%s", (problem, status, text) => {
    expect(statusOf(problem)).toBe(status)
    expect(sayProblem(problem, "id-1")).toBe(text)
  })

  test("beside a field is the field's own sentence, unless the violation has one for people", () => {
    const own = { empty: "Enter it.", wrong: "This is none." }
    const [shape] = invalid("/email", "invalid_format", "Invalid email address").options.violations ?? []
    const [taken] = invalid("/email", "taken", "The address has an account already").options.violations ?? []
    if (!shape || !taken) throw new Error("unreachable")
    expect(sayViolation(shape, " ", own)).toBe("Enter it.")
    expect(sayViolation(shape, "x", own)).toBe("This is none.")
    expect(sayViolation(taken, "a@example.com", own)).toBe("The address has an account already.")
  })
})

test.each([
  [null, "Unknown device"],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"],
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
    "Edge on Windows",
  ],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1",
    "Safari on iOS",
  ],
  [
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
    "Chrome on Android",
  ],
  ["curl/8.5.0", "curl"],
  ["x".repeat(100), "x".repeat(60)],
])("%s is %s", (header, name) => expect(deviceName(header)).toBe(name))
