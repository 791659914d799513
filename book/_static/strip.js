// Turns the strip of a training's previews into a slider. Without it the whole strip is there.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  for (const strip of document.querySelectorAll(".strip")) {
    const figures = [...strip.querySelectorAll("figure")];
    if (figures.length < 2) continue;
    const label = document.createElement("label");
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: figures.length - 1, value: figures.length - 1 });
    label.className = "strip-slider";
    label.append("From noise to logo ", slider);
    const show = () => {
      figures.forEach((figure, place) => (figure.hidden = place !== Number(slider.value)));
      slider.setAttribute("aria-valuetext", figures[slider.value].querySelector("figcaption").textContent);
    };
    slider.addEventListener("input", show);
    strip.before(label);
    show();
  }
});
