/** Which pane a phone shows; on a desktop all three are there. */

const narrow = matchMedia("(max-width: 1180px)");

export const onNarrow = () => narrow.matches;

export function showPane(name) {
  document.body.dataset.pane = name;
}
