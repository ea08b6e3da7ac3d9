import { createApp } from "./app.js";
import { readSettings } from "./settings.js";

const settings = readSettings();
const server = createApp(settings).listen(settings.port, "localhost", (error) => {
  if (error) {
    console.error(`Cannot listen at port ${settings.port}: ${error.message}`);
    process.exit(1);
  }
  console.log(`The MCP server is at ${settings.resource.href}, for people of ${settings.issuer}`);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
