// The rates of all cases as bars, drawn by hand: an SVG that needs nothing to be seen.
import { peers } from './peers.mjs';

const COLOURS = { bullrs: '#c2410c', official: '#475569', node6: '#16a34a', node5: '#86efac' };
const BAR = 14;
const LEFT = 330;
const WIDTH = 420;

/** One group of bars for each cell, each scaled to its best. */
export function plot(cells) {
  const parts = [];
  let y = 46;
  for (const cell of cells) {
    const highest = Math.max(...cell.rows.map(({ most }) => most));
    parts.push(`<text x="${LEFT - 12}" y="${y + BAR}" text-anchor="end">${escape(cell.title)}${cell.concurrency ? `, ${cell.concurrency}` : ''}</text>`);
    for (const { peer, value, least, most } of cell.rows) {
      const x = (amount) => (LEFT + (amount / highest) * WIDTH).toFixed(1);
      parts.push(
        `<rect x="${LEFT}" y="${y}" width="${(x(value) - LEFT).toFixed(1)}" height="${BAR - 3}" fill="${COLOURS[peer]}"/>`,
        `<line x1="${x(least)}" x2="${x(most)}" y1="${y + BAR / 2 - 1.5}" y2="${y + BAR / 2 - 1.5}" stroke="#0f172a"/>`,
        `<text x="${LEFT + WIDTH + 8}" y="${y + BAR - 4}">${value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(1)} ${cell.unit}</text>`,
      );
      y += BAR;
    }
    y += 10;
  }
  const shown = [...new Set(cells.flatMap((cell) => cell.rows.map(({ peer }) => peer)))];
  const legend = shown.map((peer, i) => `<rect x="${LEFT + i * 150}" y="14" width="10" height="10" fill="${COLOURS[peer]}"/><text x="${LEFT + 15 + i * 150}" y="23">${peers[peer].title}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${LEFT + WIDTH + 170}" height="${y}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${[...legend, ...parts].join('\n')}
</svg>
`;
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
