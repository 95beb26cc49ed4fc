// Checks the dashboard against the JSON schema of Grafana's own types, and its units, matchers and
// transformations against Grafana's own lists. dashboards/README.md says how to run it.
const { execFileSync } = require("node:child_process");
const { readFileSync, writeFileSync } = require("node:fs");
const { dirname, join } = require("node:path");

const modules = process.env.NODE_PATH;
const home = dirname(modules);
// The library needs a browser when it is loaded.
Object.defineProperty(globalThis, "navigator", { value: { language: "en-US", languages: ["en-US"] } });
const grafana = require("@grafana/data");
const Ajv = require("ajv");

const dashboard = JSON.parse(readFileSync(join(__dirname, "../../../dashboards", process.argv[2] ?? "slod-overview.json")));
const panels = dashboard.panels.filter((panel) => panel.type !== "row");
const plugin = (panel) => panel.type.replace("-", "");

const raw = `${modules}/@grafana/schema/dist/types/raw`;
const withFields = ["timeseries", "table", "statetimeline"];
const names = ["Root"];
let types = `import type { Dashboard } from "${raw}/dashboard/x/types.gen";\nexport interface Root extends Dashboard {}\n`;
for (const kind of new Set(panels.map(plugin))) {
  for (const part of withFields.includes(kind) ? ["Options", "FieldConfig"] : ["Options"]) {
    const name = `${part}_${kind}`;
    names.push(name);
    types += `import type { ${part} as ${name}_ } from "${raw}/composable/${kind}/panelcfg/x/types.gen";\nexport interface ${name} extends ${name}_ {}\n`;
  }
}
writeFileSync(join(home, "dashboard.ts"), types);
const compilerOptions = { module: "esnext", moduleResolution: "bundler", target: "es2022", skipLibCheck: true, strict: true };
writeFileSync(join(home, "dashboard.tsconfig.json"), JSON.stringify({ compilerOptions, files: ["dashboard.ts"] }));

const ajv = new Ajv({ strict: false, allErrors: true });
/** Says no to a key that is not declared, where the types leave that open. */
const closed = (schema) => {
  if (schema && typeof schema === "object") {
    if (schema.properties && schema.additionalProperties === undefined) schema.additionalProperties = false;
    Object.values(schema).forEach(closed);
  }
  return schema;
};
const schemas = {};
for (const name of names) {
  const made = execFileSync(process.execPath, [join(modules, "ts-json-schema-generator/bin/ts-json-schema-generator.js"), "-p", join(home, "dashboard.ts"), "-f", join(home, "dashboard.tsconfig.json"), "--no-type-check", "-t", name], { maxBuffer: 1 << 26 });
  const schema = JSON.parse(made);
  schemas[name] = ajv.compile(name === "Root" ? schema : closed(schema));
}

let checks = 0;
let faults = 0;
const check = (good, where, what) => {
  checks += 1;
  if (!good) { faults += 1; console.log(where, what); }
};
const fits = (name, value, where) => {
  const good = schemas[name](value);
  check(good, where, JSON.stringify((schemas[name].errors ?? []).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`)));
};

// The types omit the data source properties of an annotation query; these are those of Prometheus.
const prometheus = ["expr", "step", "titleFormat", "textFormat", "tagKeys", "useValueForTime"];
const plain = structuredClone(dashboard);
for (const annotation of plain.annotations.list) for (const key of prometheus) delete annotation[key];
fits("Root", plain, "dashboard");

const units = new Set(grafana.getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value)));
const transformations = new Set(Object.values(grafana.standardTransformers).map((one) => one.id));
const properties = ["unit", "decimals", "thresholds", "links", "mappings", "color", "min", "max", "displayName", "noValue"];
for (const panel of panels) {
  const { defaults, overrides } = panel.fieldConfig;
  fits(`Options_${plugin(panel)}`, panel.options, `${panel.title}: options`);
  const custom = (value, where) => {
    const name = `FieldConfig_${plugin(panel)}`;
    if (value && schemas[name]) fits(name, value, where);
    else check(!value, where, "has fields of its own");
  };
  custom(defaults.custom, `${panel.title}: custom`);
  check(units.has(defaults.unit), panel.title, defaults.unit);
  for (const override of overrides) {
    const where = `${panel.title}: ${override.matcher.options}`;
    check(grafana.fieldMatchers.getIfExists(override.matcher.id), where, override.matcher.id);
    for (const { id, value } of override.properties) {
      if (id.startsWith("custom.")) custom({ ...defaults.custom, [id.slice(7)]: value }, where);
      else check(properties.includes(id), where, id);
      if (id === "unit") check(units.has(value), where, value);
    }
  }
  for (const { id } of panel.transformations ?? []) check(transformations.has(id), panel.title, id);
}
console.log(`${checks} checks, ${faults} faults`);
process.exit(faults ? 1 : 0);
