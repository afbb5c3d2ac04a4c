/**
 * Every name under which something is kept outside the database: keys in KV, names of objects, keys of the shield. Each stands here once, with
 * what is kept under it, for how long, and what a reader may rely on. Nothing else builds one; docs/stores.md shows the table.
 */

import { networkOf } from "../core/address.ts"
import { hubObjectName, touchesObjectName } from "../core/hub-object.ts"

/** What is known of a name. */
export interface NameFacts {
  /** The binding of wrangler.toml in whose store it is a name. */
  readonly binding: "CACHE" | "USER" | "HUB" | "LIMITER" | "FEED" | "TOPIC" | "METER" | "SHIELD" | "Cache API"
  /** The name; its variable parts stand in braces. */
  readonly form: string
  /** What is kept under it. */
  readonly content: string
  /** For how long. */
  readonly life: string
  /** What a reader may rely on. */
  readonly consistency: string
}

/** As many texts as the form has parts in braces. */
type Parts<Form extends string> = Form extends `${string}{${string}}${infer Rest}` ? [string, ...Parts<Rest>] : []

const names: NameFacts[] = []

/** All of them, in the order of this file. */
export const keptNames: readonly NameFacts[] = names

/** Declares a name; gives what builds it from its parts. */
function named<const Form extends string>(
  binding: NameFacts["binding"],
  form: Form,
  facts: Omit<NameFacts, "binding" | "form">,
): (...parts: Parts<Form>) => string {
  names.push({ binding, form, ...facts })
  const pieces = form.split(/\{\w+\}/)
  return (...parts) => pieces.reduce((name, piece, n) => name + parts[n - 1] + piece)
}

/** One object is one place: its calls follow one another, wherever they come from. */
const oneByOne = "exact: calls follow one another, answers leave when the write is on disk"
/** KV: what was written elsewhere is seen later. */
const eventual = "up to 60 s late at other locations"

/** Name of a user's own object. The part is the user's TypeID. */
export const userObjectName = named("USER", "user/{id}", {
  content:
    "sessions, attempts, lockout, second factors, one-time tokens, hashes of API keys, grants to programs and changes that wait under them, inbox, live sockets of a user",
  life: "as long as the account",
  consistency: oneByOne,
})

/** Stands in for the objects of users that there are not, so that asking takes as long; never begins with `user/`. */
const ghost = named("USER", "ghost/{bucket}", {
  content: "attempts against addresses that have no account; which flows came back from identity providers",
  life: "until the attempts are over; 10 minutes",
  consistency: oneByOne,
})

/** Name of an object that stands in for users that there are not. */
export function ghostObjectName(bucket: number): string {
  return ghost(String(bucket))
}

/** Name of an object with the streams of one service account; a person's are in their own object. */
export const serviceStreamsObjectName = named("USER", "streams/service/{id}", {
  content: "subscriptions of a service account",
  life: "while one is open",
  consistency: oneByOne,
})

const anonymousStreams = named("USER", "streams/anonymous/{shard}", {
  content: "subscriptions of callers who are nobody, spread over a few objects",
  life: "while one is open",
  consistency: oneByOne,
})

/** Name of an object with streams of callers who are nobody. */
export function anonymousStreamsObjectName(shard: number): string {
  return anonymousStreams(String(shard))
}

/** Name of the object that the readiness check calls. */
export const healthObjectName = named("USER", "health", {
  content: "nothing: what counts is that it answers",
  life: "none",
  consistency: oneByOne,
})()

/** The hub's name is part of what it answers to (core/hub-object.ts): users' objects call it, too. */
named("HUB", hubObjectName, {
  content: "which sessions, keys and grants were revoked within the life of an access token",
  life: "one object; an entry until no token that it concerns can be alive",
  consistency: `${oneByOne}; isolates pull it every 10 s`,
})

/** Beside it, of the same class, so that what caches ask holds up no revocation. */
named("HUB", touchesObjectName, {
  content: "which tags of kept answers and memberships were touched by changes, with their places in the log",
  life: "one object; a tag as long as an answer could live that it makes void, and 5 minutes",
  consistency: `${oneByOne}; isolates that keep answers pull it every 5 s`,
})

/** Name of the one feed object: reads the log of the database and holds the cursors of its readers. */
export const feedObjectName = named("FEED", "feed", {
  content: "how far each reader of the log has read",
  life: "as long as the database",
  consistency: oneByOne,
})()

const topic = named("TOPIC", "topic/{resource}/{tenant}/{record}", {
  content: "addresses of the objects that watch a resource of a tenant (`-`: of none), or one of its records (`all`)",
  life: "while somebody watches",
  consistency: oneByOne,
})

/** Name of a topic object: who watches a resource of a tenant, or one of its records. */
export function topicObjectName(resource: string, tenant: string | null, record: string | null): string {
  return topic(resource, tenant ?? "-", record ?? "all")
}

const meter = named("METER", "usage/{kind}/{id}", {
  content:
    "what an organization, an API key, a grant or a user has used, a row a UTC day; the budget that an organization sets itself",
  life: "a day 400 days; a budget until it is taken away",
  consistency: oneByOne,
})

/** Name of the object that counts what an account uses. */
export function meterObjectName({ kind, id }: { readonly kind: string; readonly id: string }): string {
  return meter(kind, id)
}

/** KV: read by the readiness check, never written. */
export const healthKey = named("CACHE", "health/ready", {
  content: "nothing: what counts is that KV answers",
  life: "none",
  consistency: "none needed",
})()

/** What the keys of letters begin with, in development. */
export const mailboxPrefix = named("CACHE", "mailbox/", {
  content: "letters that would have been sent, newest first by name (development only)",
  life: "7 days",
  consistency: eventual,
})()

/** Key of the text of a persisted query. The part is its SHA-256, hex. */
export const queryKey = named("CACHE", "graphql/{hash}", {
  content: "text of a GraphQL query that clients send by its hash",
  life: "30 days after it was last sent in full",
  consistency: `${eventual}; a client that is not known there sends the text again`,
})

/** How long what is known of an identity provider is kept, seconds. Its library believes no keys for longer either. */
export const providerSeconds = { metadata: 3600, keys: 300 } as const

const providerMetadata = named("CACHE", "provider/metadata/{issuer}", {
  content: "what the discovery of an identity provider said; public",
  life: "an hour",
  consistency: eventual,
})

const providerKeys = named("CACHE", "provider/keys/{issuer}", {
  content: "the public keys of an identity provider, and when they were fetched",
  life: "5 minutes",
  consistency: eventual,
})

/** Key of what is known of an identity provider. An issuer is an address; its length is bounded where it is declared. */
export function providerKey(kind: keyof typeof providerSeconds, issuer: string): string {
  return (kind === "metadata" ? providerMetadata : providerKeys)(encodeURIComponent(issuer))
}

/** KV: a program that registered itself (RFC 7591). The part is its client_id. */
export const oauthClientKey = named("CACHE", "oauth/client/{id}", {
  content: "name, redirect URIs and hash of the secret of a registered OAuth client",
  life: "90 days after its registration, or the last consent to it",
  consistency: `${eventual}; a grant keeps the client as its user saw it`,
})

/** KV: the checked metadata document of a program. The part is the SHA-256 of its address. */
export const oauthDocumentKey = named("CACHE", "oauth/document/{hash}", {
  content: "name and redirect URIs of an OAuth client that describes itself at an address",
  life: "as its answer says, 5 minutes to a day",
  consistency: eventual,
})

/** Name of the object that counts for a key of the limiter, `<what>/<whom>`. */
export const limiterObjectName = named("LIMITER", "limit/{key}", {
  content: "what was taken of a limit and what is out in leases",
  life: "until a minute after everything is left again",
  consistency: `${oneByOne}; isolates use what they leased for 5 s without asking`,
})

/** KV: until when calls of a key are refused. The parts are escaped: the limit in words, and the key. */
export const blockedKey = named("CACHE", "blocked/{limit}/{key}", {
  content: "the instant until which the limiter refuses calls, when that is a minute or more",
  life: "until then",
  consistency: `${eventual}; late or lost it costs a call of the object, no right`,
})

/** KV: an answer that is the same for everybody. The part is a hash of the build, the operation and its input. */
export const answerKey = named("CACHE", "answer/{hash}", {
  content: "answers of cached operations: what anyone() may read",
  life: "what `cache` declares (`public` and `swr`), a minute at least",
  consistency: `${eventual}; an answer that does not know a change that it depends on is not given`,
})

/** Name of our own cache in the Cache API: no request from outside meets what is in it. */
export const answersCacheName = "selvage-answers"

/** Cache API: the same, for one location. An address of our own domain, at which nothing stands. */
export const answerPath = named("Cache API", "/.selvage/answer/{hash}", {
  content: "answers of cached operations: what anyone() may read",
  life: "what `cache` declares (`public` and `swr`)",
  consistency: "of one location; an answer that does not know a change that it depends on is not given",
})

const address = named("SHIELD", "address/{network}", {
  content: "requests of an IPv4 address or of an IPv6 /64 within a minute",
  life: "a minute",
  consistency: "approximate, counted by each location for itself",
})

/** Key of the shield for an address. */
export function addressKey(caller: string): string {
  return address(networkOf(caller))
}
