// One run of a scenario: waits for its end, then draws its messages over time, with the slider's place.
(() => {
  "use strict";
  const state = document.getElementById("state");
  const address = `/api/v1/scenarios/runs/${state.dataset.run}`;

  // --- while it is played -----------------------------------------------------------------------
  if (state.dataset.state === "running") {
    const wait = async () => {
      try {
        const found = await (await fetch(address)).json();
        if (found.state && found.state !== "running") { location.reload(); return; }
      } catch { /* the server is away: it is asked again */ }
      setTimeout(wait, 700);
    };
    setTimeout(wait, 700);
  }

  // --- the chart --------------------------------------------------------------------------------
  const place = document.getElementById("chart");
  if (!place) return;
  const input = document.getElementById("time");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const said = (seconds) => {
    if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
    const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
    let left = Math.round(seconds);
    const words = [];
    for (const [length, unit] of units) {
      const count = Math.floor(left / length);
      left -= count * length;
      if (count && words.length < 2) words.push(`${count} ${unit}`);
    }
    return words.join(" ");
  };
  const HEIGHT = 240;
  let chart = null, steps = [];

  const lines = (plot) => {
    const { ctx } = plot, { left, top, height } = plot.bbox;
    const line = (at, stroke, width, dash) => {
      const x = Math.round(plot.valToPos(at, "x", true));
      ctx.strokeStyle = stroke;
      ctx.lineWidth = width * devicePixelRatio;
      ctx.setLineDash(dash.map((each) => each * devicePixelRatio));
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
    };
    ctx.save();
    for (const each of steps) if (each.event !== null) line(each.at, colour("--dim"), 1, [2, 4]);
    const now = steps[Number(input.value)];
    if (now) line(now.at, colour("--accent"), 2, []);
    ctx.restore();
  };
  const series = (label, key, dash) => ({
    label, stroke: colour(key), width: 2, dash, points: { show: false },
    // A step: what was so stays so until it is seen to be otherwise.
    paths: uPlot.paths.stepped({ align: 1 }),
  });
  const draw = () => {
    if (chart) chart.destroy();
    const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    chart = new uPlot({
      width: place.clientWidth, height: HEIGHT,
      scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(most * 1.05, 1)] } },
      axes: [
        { ...axis, values: (_, all) => all.map(said), space: 90 },
        { ...axis, size: 60, values: (_, all) => all.map((each) => (Number.isInteger(each) ? each.toLocaleString("en") : "")) },
      ],
      series: [
        { label: "After", value: (_, at) => (at === null ? "–" : said(at)) },
        series("Pending", "--pending", []),
        series("Sent", "--sent", [8, 3]),
        series("Failed", "--failed", [2, 3]),
      ],
      cursor: { drag: { x: false, y: false } },
      hooks: { draw: [lines] },
    }, [
      steps.map((each) => each.at),
      ...["pending", "sent", "failed"].map((key) => steps.map((each) => each.counts[key])),
    ], place);
  };
  place.addEventListener("click", () => {
    if (!chart || chart.cursor.idx === null || chart.cursor.idx === undefined) return;
    input.value = chart.cursor.idx;
    input.dispatchEvent(new Event("input"));
  });
  document.addEventListener("slid", () => { if (chart) chart.redraw(false); });
  document.addEventListener("theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => { if (chart && chart.width !== place.clientWidth) chart.setSize({ width: place.clientWidth, height: HEIGHT }); }).observe(place);
  fetch(address).then((answer) => answer.json()).then((found) => { steps = found.steps; draw(); });
})();
