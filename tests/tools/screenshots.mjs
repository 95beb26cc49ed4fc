// Takes screenshots of the pages that `cargo test --test project --test counting` writes to
// target/page/.
//
//     npm install --prefix /tmp/shots playwright-core
//     NODE_PATH=/tmp/shots/node_modules node tests/tools/screenshots.mjs [NAME...]
//
// Every page is served with the daemon's security policy, except that a report contains its own
// style. Exits with 1 if a page scrolls sideways, has content outside of its box, violates the
// policy, or logs to the console.
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";

const require = createRequire(`${process.env.NODE_PATH ?? "."}/`);
const { chromium } = require("playwright-core");
const folder = "target/page";
const policy = (name) => `default-src 'none'; style-src ${name.startsWith("report") ? "'unsafe-inline'" : "'self'"}; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

const server = createServer((request, response) => {
  const name = new URL(request.url, "http://localhost").pathname.slice(1);
  const type = name.endsWith(".css") ? "text/css" : "text/html; charset=utf-8";
  try {
    const body = readFileSync(`${folder}/${name}`);
    response.writeHead(200, { "content-type": type, "content-security-policy": policy(name) }).end(body);
  } catch {
    response.writeHead(204).end();
  }
}).listen(0, "127.0.0.1");
await new Promise((ready) => server.once("listening", ready));

const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".html"))
  .map((file) => file.slice(0, -5))
  .filter((name) => wanted.length === 0 || wanted.includes(name));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
mkdirSync(`${folder}/shots`, { recursive: true });
let faults = 0;
const fault = (text) => { faults += 1; console.log(text); };

// Layouts change at 560, 760, 860 and 1000 px: both sides of each are checked.
const widths = [1400, 1001, 940, 860, 780, 760, 561, 390];
for (const colorScheme of ["light", "dark"]) {
  for (const width of widths) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce" });
    const page = await context.newPage();
    for (const name of names) {
      const shot = `${name}-${width}-${colorScheme}`;
      const said = (message) => fault(`${shot}: ${message.text()}`);
      page.on("console", said);
      await page.goto(`http://127.0.0.1:${server.address().port}/${name}.html`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) fault(`${shot}: ${wide} px wide`);
      const out = await page.evaluate(() => {
        const clipped = "svg *, .scroll *, .figures thead *, .days figcaption *";
        const sticksOut = (box) => [...box.querySelectorAll("*")].find((part) =>
          !part.matches(clipped) && part.getBoundingClientRect().right > box.getBoundingClientRect().right + 1);
        return [...document.querySelectorAll(".card, .headline, .lines")].map(sticksOut).find(Boolean)?.outerHTML;
      });
      if (out) fault(`${shot}: sticks out of its box: ${out.slice(0, 100)}`);
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      if (height > 2400) {
        const end = { x: 0, y: height - 900, width, height: 900 };
        await page.screenshot({ path: `${folder}/shots/${shot}-end.png`, fullPage: true, clip: end });
      }
      const clip = { x: 0, y: 0, width, height: Math.min(height, 2400) };
      await page.screenshot({ path: `${folder}/shots/${shot}.png`, fullPage: true, clip });
      page.off("console", said);
    }
    await context.close();
  }
}
await browser.close();
server.close();
console.log(`${names.length * widths.length * 2} pages in ${folder}/shots, ${faults} faults`);
process.exit(faults ? 1 : 0);
