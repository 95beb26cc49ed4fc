// The page of preview.mjs: every panel in the dashboard's grid.
import "uplot/dist/uPlot.min.css";
import "@grafana/react-data-grid/lib/styles.css";
import React from "react";
import { createRoot } from "react-dom/client";
import { createTheme, FieldType, getDisplayProcessor, standardTransformers, standardTransformersRegistry, ThemeContext, toDataFrame, transformDataFrame } from "@grafana/data";
import { BarGauge, BigValue, GlobalStyles, PanelChrome, TimeSeries, VizRepeater } from "@grafana/ui";
import { TableNG } from "@grafana/ui/unstable";

const theme = createTheme({ colors: { mode: "dark" } });
const { dashboard, start, end, step } = fetchData();
const times = Array.from({ length: (end - start) / step + 1 }, (_, i) => start + step * i);
const range = { from: { valueOf: () => start * 1000 }, to: { valueOf: () => end * 1000 }, raw: { from: "now-10m", to: "now" } };
const display = (field) => getDisplayProcessor({ field, theme, timeZone: "utc" });
const legend = (target, labels) => target.legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? "") || "Value";

// Runs before anything is drawn, so that the rest can be simple.
function fetchData() {
  const request = new XMLHttpRequest();
  request.open("GET", "/data.json", false);
  request.send();
  return JSON.parse(request.responseText);
}

const transformers = new Map(Object.values(standardTransformers).map((one) => [one.id, one]));
standardTransformersRegistry.setInit(() => [...transformers.values()].map((one) => ({ id: one.id, name: one.name, transformation: async () => one, aliasIds: [] })));

/** The field's config with its overrides, for the two matchers that are used. */
function config(panel, refId, name, custom = {}) {
  const { defaults, overrides } = panel.fieldConfig;
  const made = { ...defaults, custom: { ...custom, ...defaults.custom } };
  for (const { matcher, properties } of overrides) {
    if (matcher.options !== (matcher.id === "byFrameRefID" ? refId : name)) continue;
    for (const { id, value } of properties) {
      if (id.startsWith("custom.")) made.custom[id.slice(7)] = value;
      else made[id] = value;
    }
  }
  return made;
}

// Defaults of Grafana's plugin.
const line = { drawStyle: "line", lineWidth: 1, fillOpacity: 0, showPoints: "auto", pointSize: 5, lineInterpolation: "linear", spanNulls: false, axisPlacement: "auto", barAlignment: 0, gradientMode: "none", hideFrom: { legend: false, tooltip: false, viz: false } };

function Graph({ panel, width, height }) {
  const all = panel.targets.flatMap((target) => target.result.map((series) => [target, series]));
  const frames = all.map(([target, series], index) => {
    const name = legend(target, series.metric);
    const known = new Map(series.values);
    const field = config(panel, target.refId, name, line);
    const sign = field.custom.transform === "negative-Y" ? -1 : 1;
    const values = times.map((time) => (known.has(time) ? sign * Number(known.get(time)) : null));
    const frame = toDataFrame({ refId: target.refId, fields: [
      { name: "time", type: FieldType.time, values: times.map((time) => time * 1000) },
      { name: "value", type: FieldType.number, values, config: { ...field, displayName: name, displayNameFromDS: name, color: { mode: "palette-classic" } } },
    ] });
    frame.fields.forEach((part, fieldIndex) => {
      part.state = { seriesIndex: index, displayName: part.config.displayName, origin: { frameIndex: index, fieldIndex } };
      part.display = display(part);
    });
    return frame;
  });
  return <TimeSeries frames={frames} structureRev={1} timeRange={range} timeZone="utc" width={width} height={height} legend={panel.options.legend} options={{}} theme={theme}>{() => null}</TimeSeries>;
}

/** Not a component of the library, so drawn here. */
function States({ panel, width, height }) {
  const states = panel.fieldConfig.defaults.mappings[0].options;
  const rows = panel.targets.flatMap((target) => target.result.map((series) => [legend(target, series.metric), new Map(series.values)]));
  const left = 180;
  const high = (height - 60) / rows.length;
  const x = (time) => left + ((time - start) / (end - start)) * (width - left - 8);
  const color = (state) => theme.visualization.getColorByName(states[state].color);
  const spans = (known) => {
    const made = [];
    for (const time of times.filter((time) => known.has(time))) {
      const last = made.at(-1);
      if (last && time - last.to <= step) last.to = time;
      if (last?.state !== known.get(time) || last.to !== time) made.push({ state: known.get(time), from: time, to: time });
    }
    return made;
  };
  return <svg width={width} height={height} fontSize="12" fontFamily={theme.typography.fontFamily} fill={theme.colors.text.primary}>
    {rows.map(([name, known], row) => <g key={name} transform={`translate(0 ${row * high})`}>
      <text x={left - 8} y={high / 2 + 4} textAnchor="end">{name}</text>
      {spans(known).map(({ state, from, to }) => <g key={from}>
        <rect x={x(from)} y={high * 0.05} width={Math.max(x(to) - x(from), 1)} height={high * 0.9} fill={color(state)} fillOpacity="0.7" />
        {x(to) - x(from) > 24 && <text x={x(from) + 4} y={high / 2 + 4} fill="white">{states[state].text}</text>}
      </g>)}
    </g>)}
    {times.filter((time) => time % 60 === 0).map((time) => <text key={time} x={x(time)} y={height - 40} textAnchor="middle">{new Date(time * 1000).toISOString().slice(11, 16)}</text>)}
    {Object.keys(states).map((state, index) => <g key={state} transform={`translate(${8 + index * 64} ${height - 12})`}>
      <rect y="-6" width="14" height="4" rx="2" fill={color(state)} /><text x="22">{states[state].text}</text>
    </g>)}
  </svg>;
}

/** The last value of every series, as a field that can be shown. */
const lasts = (panel) => panel.targets.flatMap((target) => target.result.map((series) => {
  const name = legend(target, series.metric);
  const number = Number(series.values.at(-1)[1]);
  const field = { name, type: FieldType.number, values: [number], config: config(panel, target.refId, name) };
  const show = display(field);
  return { name, field: field.config, show, value: { ...show(number), title: name } };
}));

function Bars({ panel, width, height }) {
  const all = lasts(panel);
  const title = all.reduce((longest, { name }) => (name.length > longest.length ? name : longest), "");
  return <VizRepeater source={all} getValues={() => all} width={width} height={height} itemSpacing={8} renderCounter={0} orientation="horizontal" minVizHeight={16} minVizWidth={8} maxVizHeight={40} getAlignmentFactors={() => ({ title, text: "100.00%" })}
    renderValue={({ value, ...place }) => <BarGauge theme={theme} width={place.width} height={place.height} value={value.value} field={value.field} display={value.show} orientation="horizontal" displayMode="basic" namePlacement="left" text={panel.options.text} showUnfilled alignmentFactors={place.alignmentFactors} />} />;
}

function Stat({ panel, width, height }) {
  const all = lasts(panel);
  const { orientation, textMode } = panel.options;
  const named = all.length > 1 || textMode === "name";
  return <VizRepeater source={all} getValues={() => all} width={width} height={height} itemSpacing={3} renderCounter={0} orientation={orientation} autoGrid getAlignmentFactors={() => ({ title: "", text: "" })}
    renderValue={({ value, ...place }) => <BigValue theme={theme} width={place.width} height={place.height} value={{ ...value.value, title: named ? value.name : undefined }} colorMode="value" graphMode="none" justifyMode="auto" textMode={textMode} />} />;
}

/** A frame per query as the data source makes them, put together by Grafana's own transformations. */
function Table({ panel, width, height }) {
  const [frame, setFrame] = React.useState(null);
  React.useEffect(() => {
    const frames = panel.targets.map(({ refId, result }) => {
      const labels = [...new Set(result.flatMap((series) => Object.keys(series.metric)))].sort();
      return toDataFrame({ refId, fields: [
        { name: "Time", type: FieldType.time, values: result.map((series) => series.value[0] * 1000), config: {} },
        ...labels.map((label) => ({ name: label, type: FieldType.string, values: result.map((series) => series.metric[label] ?? ""), config: {} })),
        { name: `Value #${refId}`, type: FieldType.number, values: result.map((series) => Number(series.value[1])), config: {} },
      ] });
    });
    transformDataFrame(panel.transformations, frames).subscribe((joined) => {
      if (joined.length !== 1) console.error(`${panel.title}: ${joined.length} tables`);
      joined[0].fields.forEach((field, index) => {
        const displayName = field.config.displayName ?? field.name;
        const { links, unit, ...rest } = config(panel, "", displayName);
        field.config = { ...rest, displayName, ...(field.type === FieldType.number && { unit }) };
        field.display = display(field);
        field.getLinks = () => [];
        field.state = { displayName, seriesIndex: index };
      });
      setFrame(joined[0]);
    });
  }, [panel]);
  return frame && <TableNG data={frame} width={width} height={height} cellHeight={panel.options.cellHeight} sortBy={panel.options.sortBy} fieldConfig={panel.fieldConfig} structureRev={1} timeRange={range} getActions={() => []} enableVirtualization={false} />;
}

const kinds = { timeseries: Graph, "state-timeline": States, bargauge: Bars, stat: Stat, table: Table };
const row = 38;
const column = (1600 - 24) / 24;

function Panel({ panel }) {
  const { x, y, w, h } = panel.gridPos;
  const place = { position: "absolute", left: 16 + x * column, top: 12 + y * row, width: w * column - 8, height: h * row - 8 };
  if (panel.type === "row") return <div style={{ ...place, color: theme.colors.text.primary, fontSize: 16, fontWeight: 500 }}>⌄ {panel.title}</div>;
  const Kind = kinds[panel.type];
  return <div style={place}><PanelChrome title={panel.title} description={panel.description} width={place.width} height={place.height}>{(width, height) => <Kind panel={panel} width={width} height={height} />}</PanelChrome></div>;
}

const height = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * row + 24;
createRoot(document.getElementById("root")).render(<ThemeContext.Provider value={theme}>
  <GlobalStyles hackNoBackgroundCheck />
  <div style={{ position: "relative", background: theme.colors.background.canvas, width: 1600, height }}>
    {dashboard.panels.map((panel) => <Panel key={panel.id} panel={panel} />)}
  </div>
</ThemeContext.Provider>);
