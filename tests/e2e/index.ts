/** The Worker of this suite: the reference app with providers. Where they stand is known when it is built (`define`). */
import application from "../../src/app/index.ts"
import {
  app,
  facebook,
  github,
  google,
  linkedin,
  type OAuthProvider,
  oidc,
  type Provider,
  x,
} from "../../src/selvage.ts"
import { worker } from "../../src/worker.ts"

export { Feed, Hub, Limiter, Meter, Topic, User } from "../../src/worker.ts"

/** Origin of the identity provider, and of the server that answers as the others do. */
declare const IDENTITY_PROVIDER: string
declare const RECORDED: string

/** An address of a provider, at the server that stands for all of them: `https://host/path` becomes `http://127.0.0.1:port/host/path`. */
const moved = (address: string) => address.replace(/^https:\//, RECORDED)

/** The provider as it is declared, at another place. */
function movedOAuth(provider: OAuthProvider): OAuthProvider {
  return {
    ...provider,
    authorizationEndpoint: moved(provider.authorizationEndpoint),
    tokenEndpoint: moved(provider.tokenEndpoint),
    vouch: (asking) => provider.vouch({ ...asking, get: (url) => asking.get(moved(url)) }),
  }
}

const movedOpenId = (provider: Provider): Provider => ({ ...provider, issuer: moved(provider.issuer) })

const providers: readonly Provider[] = [
  oidc({
    name: "acme",
    title: "Acme",
    issuer: IDENTITY_PROVIDER,
    domains: ["acme.example"],
    redirectUris: ["http://127.0.0.1:1/native"],
  }),
  movedOAuth(github()),
  movedOAuth(facebook({ email: "proved" })),
  movedOAuth(x()),
  movedOpenId(linkedin()),
  movedOpenId(google()),
]

export default worker(app({ ...application, accounts: { ...application.accounts, providers } as never }))
