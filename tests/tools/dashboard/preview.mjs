// Draws the dashboard with Grafana's own components from what a Prometheus answers now; a preview,
// not a Grafana. dashboards/README.md says how to run it.
//
//     node tests/tools/dashboard/preview.mjs PROMETHEUS PNG [MINUTES]
//
// Ends with 1 if a query has no answer, or the page says an error.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const modules = process.env.NODE_PATH;
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const esbuild = require("esbuild");
const [prometheus, picture, minutes = "10"] = process.argv.slice(2);
const here = import.meta.dirname;

const step = 5;
const end = Math.floor(Date.now() / 1000 / step) * step;
const start = end - Number(minutes) * 60;
let faults = 0;
const fault = (...text) => { faults += 1; console.log(...text); };

const dashboard = JSON.parse(readFileSync(join(here, "../../../dashboards/slod-overview.json")));
for (const panel of dashboard.panels) {
  for (const target of panel.targets ?? []) {
    const query = target.expr.replaceAll("$__rate_interval", "30s").replaceAll(/\$(job|instance|service)/g, ".+");
    const [path, time] = target.instant ? ["query", { time: end }] : ["query_range", { start, end, step }];
    const answer = await (await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams({ query, ...time })}`)).json();
    target.result = answer.data?.result ?? [];
    if (target.result.length === 0) fault(panel.title, query, answer.error ?? "is empty");
  }
}

const { outputFiles } = await esbuild.build({
  entryPoints: [join(here, "preview.jsx")],
  nodePaths: [modules],
  bundle: true,
  write: false,
  outdir: "/",
  format: "iife",
  loader: { ".svg": "dataurl", ".woff2": "dataurl", ".ttf": "dataurl" },
  define: { "process.env.NODE_ENV": '"production"', global: "window" },
  logLevel: "error",
});
const built = Object.fromEntries(outputFiles.map((file) => [file.path, file.contents]));
const page = '<!doctype html><link rel="stylesheet" href="/preview.css"><body style="margin:0"><div id="root"></div><script src="/preview.js"></script>';
const answers = JSON.stringify({ dashboard, start, end, step });
const types = { css: "text/css", js: "text/javascript", json: "application/json", svg: "image/svg+xml" };
const body = (path) => {
  if (path === "/") return page;
  if (path === "/data.json") return answers;
  const icon = path.split("/public/build/img/")[1];
  return built[path] ?? (icon ? readFileSync(`${modules}/@grafana/ui/dist/public/img/${icon}`) : "");
};
const server = createServer((request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  response.writeHead(200, { "content-type": types[path.split(".")[1]] ?? "text/html" }).end(body(path));
}).listen(0, "127.0.0.1");
await new Promise((ready) => server.once("listening", ready));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const tab = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
tab.on("console", (said) => { if (said.type() === "error") fault(said.text()); });
tab.on("pageerror", (error) => fault(error.stack));
await tab.goto(`http://127.0.0.1:${server.address().port}/`);
await tab.waitForTimeout(4000);
await tab.screenshot({ path: picture, fullPage: true });
await browser.close();
server.close();
console.log(`${picture}, ${faults} faults`);
process.exit(faults ? 1 : 0);
