/** GraphQL with gql.tada: a document's variables and answer get their types from its text, so nothing is generated for each document. */
import { initGraphQLTada, type TadaDocumentNode } from "gql.tada"
import { print } from "graphql"
import type { introspection, scalars } from "./client/graphql.d.ts"

const graphql = initGraphQLTada<{ introspection: introspection; scalars: scalars }>()

const projectTasks = graphql(`
  query ProjectTasks($id: ID!, $first: Int) {
    project(id: $id) { name tasks(first: $first) { id title status dueAt } }
  }
`)

/** Any client that takes typed documents does as well: urql, Apollo, graphql-request. */
async function ask<Data, Variables>(
  origin: string,
  token: string,
  document: TadaDocumentNode<Data, Variables>,
  variables: NoInfer<Variables>,
): Promise<Data> {
  const answer = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  })
  const { data, errors } = (await answer.json()) as { data?: Data; errors?: { message: string }[] }
  if (data === undefined || errors) throw new Error(errors?.[0]?.message ?? `HTTP ${answer.status}`)
  return data
}

export async function tasksOf(origin: string, token: string, projectId: string) {
  const { project } = await ask(origin, token, projectTasks, { id: projectId, first: 3 })
  return project?.tasks?.map(({ title, status }) => ({ title, isOpen: status !== "DONE" })) ?? []
}
