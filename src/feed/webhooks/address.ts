/** Which addresses an endpoint may have. What a name resolves to is judged at each delivery, because it changes. */
import { invalid } from "../../core/problem.ts"
import type { WebhookPorts } from "./ports.ts"

/**
 * The address as it is called.
 * @throws Problem INVALID_ARGUMENT at "/url": not https (http in development alone), with credentials, or leading to a private network
 */
export function checkUrl(ports: Pick<WebhookPorts, "development" | "isPublicHost">, text: string): string {
  const url = URL.parse(text)
  const refuse = (code: string, message: string) => invalid("/url", code, message)
  if (url === null) throw refuse("malformed_url", "Not an address")
  if (url.protocol !== "https:" && !(ports.development && url.protocol === "http:"))
    throw refuse("not_https", "The address begins with https://")
  if (url.username !== "" || url.password !== "")
    throw refuse("credentials", "The address holds a user name or password; messages are proved by their signature")
  if (url.hash !== "") throw refuse("fragment", "The part behind # is never sent; leave it out")
  if (!ports.isPublicHost(url.hostname))
    throw refuse("private_address", "The address leads to a private network or to this machine")
  return url.href
}
