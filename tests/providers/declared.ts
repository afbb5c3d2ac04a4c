/** An application as docs/sign-in-with-others.md shows it. */
import { app, github, google, oidc } from "../../src/selvage.ts"

export const shop = app({
  title: "Shop",
  resources: [],
  accounts: {
    providers: [google(), github(), oidc({ name: "acme", title: "Acme", issuer: "https://login.acme.example" })],
  },
})
