/** What is known of providers, in KV, so that not every isolate asks for it. A cache: where KV fails, the provider is asked. */
import { providerKey, providerSeconds } from "./keys.ts"

type Kind = keyof typeof providerSeconds

/**
 * The cache over KV.
 * @param tell told of what KV could not do
 */
export function providerCache(namespace: KVNamespace, tell: (cause: unknown) => void) {
  return {
    /** The text that was kept; null when there is none any more. */
    get: (kind: Kind, issuer: string): Promise<string | null> =>
      namespace.get(providerKey(kind, issuer)).catch((cause) => {
        tell(cause)
        return null
      }),
    /** Keeps a text for its time. */
    put: (kind: Kind, issuer: string, text: string): Promise<void> =>
      namespace.put(providerKey(kind, issuer), text, { expirationTtl: providerSeconds[kind] }).catch(tell),
  }
}
