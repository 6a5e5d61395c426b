// The colours of the clusters, by number: thirty, and then from the start again.
//
// Chosen (ours) as far apart as possible, first to last, in OKLab and as people with a colour vision deficiency see them
// (Machado et al., 2009); tests/report/test_palette.py has the distances. Each is a pair of one hue, for light and dark.

const PALETTE = [
  ["#496ef8", "#789afd"],
  ["#01c329", "#4ce955"],
  ["#b93a13", "#e2603d"],
  ["#c9b092", "#edd3b4"],
  ["#851286", "#ac40ab"],
  ["#145f5a", "#3d827c"],
  ["#cc5398", "#f478bc"],
  ["#3227d8", "#4b59fe"],
  ["#75567c", "#9978a0"],
  ["#22a77a", "#53cc9c"],
  ["#a38e4b", "#c7b16e"],
  ["#1f6d02", "#469234"],
  ["#6a704e", "#8c9370"],
  ["#853538", "#ac5859"],
  ["#573c9d", "#7860c4"],
  ["#ca37d8", "#ef66fc"],
  ["#a36c6f", "#c88f91"],
  ["#ae1967", "#d84789"],
  ["#5ebdb9", "#83e1dd"],
  ["#488898", "#6bacbc"],
  ["#259dfb", "#81c2ff"],
  ["#8121f1", "#9d6afd"],
  ["#84bd68", "#a7e28b"],
  ["#dc8494", "#fdaab8"],
  ["#638d0d", "#85b140"],
  ["#adadec", "#d2d3ff"],
  ["#d7a10c", "#fcc548"],
  ["#d977d6", "#ff9afc"],
  ["#9764b5", "#bb87db"],
  ["#2e65a0", "#5189c6"],
];

export const darkPage = () => matchMedia("(prefers-color-scheme: dark)");

const ASIDE = "#888888";
const pairOf = (number) => (number === null ? [ASIDE, ASIDE] : PALETTE[number % PALETTE.length]);

// The colour of a cluster on the page as it is now, light or dark. It follows from the number, which lasts, and not from
// the size, which changes; null: set aside.
export const colourOf = (number) => pairOf(number)[darkPage().matches ? 1 : 0];

// The same for an element, whose colour then changes with the page.
export const paintWith = (element, number) => {
  element.style.background = colourOf(number);
  element.style.background = `light-dark(${pairOf(number)})`; // What does not know this keeps the line above.
};
