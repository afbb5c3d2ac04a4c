/** The door as the pipeline sees it: four functions over a wire. */
import type { Door } from "../../core/door.ts"
import { oauthPaths } from "../../core/oauth.ts"
import { resolveWire } from "./decode.ts"
import { encoder, locationsOf } from "./encode.ts"
import { headerSets } from "./headers.ts"
import type { RestOptions } from "./mounting.ts"
import { problemEncoder } from "./problem.ts"
import type { Route } from "./routes.ts"
import type { Wire } from "./wire.ts"

/**
 * Makes the door of an isolate.
 * @param routes every route, for the addresses of new records
 * @param settings.corsOrigins origins whose scripts may read answers
 * @param settings.origin our own
 */
export function doorOf(
  routes: readonly Route[],
  { corsOrigins, origin }: Pick<RestOptions["settings"], "corsOrigins" | "origin">,
): Door<Wire, Response> {
  const sets = headerSets(corsOrigins)
  return {
    name: "rest",
    credentials: (wire) => wire.credentials,
    resolve: resolveWire,
    encode: encoder(sets, locationsOf(routes)),
    encodeProblem: problemEncoder(sets, origin + oauthPaths.resourceMetadata),
  }
}
