/** All operations of accounts, as the registry takes them. */
import type { Models } from "../../core/model.ts"
import type { Operation } from "../../core/operation.ts"
import type { EngineParts } from "../../core/registry.ts"
import type { Resource } from "../../core/resource.ts"
import type { Flow } from "../account.ts"
import { inboxJobParts } from "../inbox-jobs.ts"
import { accountResources } from "../resources.ts"
import { apiKeyOperations } from "./api-keys.ts"
import { grantOperations } from "./grants.ts"
import { inboxPreferences, listInbox, markInboxRead, setInboxPreferences } from "./inbox.ts"
import { rotateKeys } from "./keys.ts"
import { deleteMe, exportMe, getMe, updateMe } from "./me.ts"
import { changePassword } from "./password.ts"
import { confirmSignIn, redeemMagicLink, requestMagicLink, requestPasswordReset, resetPassword } from "./recovery.ts"
import { serviceAccountOperations } from "./service-accounts.ts"
import { listSessions, revokeOtherSessions, revokeSession } from "./sessions.ts"
import { setUp } from "./setup.ts"
import { refresh, signIn, signOut } from "./sign-in.ts"
import { signUp, verifyEmail } from "./sign-up.ts"
import { userOperations } from "./users.ts"

/**
 * Resources and operations of accounts under an application's rules.
 * @param models of the finished registry, for `me.export`
 */
export function accountParts(flow: Flow, models: () => Models): Required<EngineParts> {
  const resources = accountResources(flow.rules)
  const find = (name: string) => resources.find((one) => one.name === name)
  const services = find("service_accounts")
  const apiKeys = find("api_keys") as Resource
  const operations: Operation[] = [
    signUp(flow),
    verifyEmail(flow, apiKeys),
    signIn(flow),
    refresh(flow),
    signOut(flow),
    requestPasswordReset(flow),
    resetPassword(flow, apiKeys),
    changePassword(flow),
    requestMagicLink(flow),
    redeemMagicLink(flow, apiKeys),
    confirmSignIn(flow, apiKeys),
    setUp(flow),
    rotateKeys(flow),
    listSessions(flow),
    revokeSession(flow),
    revokeOtherSessions(flow),
    getMe(),
    updateMe(),
    exportMe(flow, models),
    deleteMe(flow),
    listInbox(flow),
    markInboxRead(flow),
    inboxPreferences(flow),
    setInboxPreferences(flow),
    ...apiKeyOperations(flow, apiKeys),
    ...grantOperations(flow),
    ...(services ? serviceAccountOperations(flow, services) : []),
    ...userOperations(flow),
  ]
  return { resources, operations, jobs: inboxJobParts(flow) }
}
