/** The pages of an account's security: second factors, passkeys at the door, a fresh proof, API keys, programs that were let in. */
import type { House, Place } from "../house.ts"
import { addingPlaces } from "./adding.ts"
import { enteringPlaces } from "./entering.ts"
import { factorPlaces } from "./factors.ts"
import { grantPlaces } from "./grants.ts"
import { keyPlaces } from "./keys.ts"
import { stepUpPlace } from "./step-up.ts"

/** All of them, by path. */
export function securityPlaces(house: House): readonly (readonly [string, Place])[] {
  return [
    ...factorPlaces(house),
    ...addingPlaces(house),
    ...enteringPlaces(house),
    ["/account/step-up", stepUpPlace(house)],
    ...keyPlaces(house),
    ...grantPlaces(house),
  ]
}
