/** teenybase's Worker, without what only costs: no log line, no CORS, no OpenAPI document and no administration page. */
import { $Database, teenyHono } from "teenybase/worker"
import settings from "./teenybase.js"

export default teenyHono(async (context) => new $Database(context, settings, context.env.DB), undefined, {
  logger: false,
  cors: false,
})
