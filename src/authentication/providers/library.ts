/**
 * What is used of openid-client, and no more of it: loaded whole by `import()`, it would bring everything that it can do into the bundle. So this file
 * is what is loaded at the first use.
 */
export {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  getJwksCache,
  None,
  setJwksCache,
} from "openid-client"
