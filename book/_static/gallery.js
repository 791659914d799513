// The gallery's filter. It only hides: without it all pictures are there.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form.gallery-filter")) {
    const gallery = form.nextElementSibling;
    const prompts = [...gallery.querySelectorAll(".prompt")];
    const pictures = [...gallery.querySelectorAll("[data-arm]")];
    const sentence = (prompt) => prompt.querySelector("figcaption").textContent.toLowerCase();
    const show = () => {
      const words = form.elements.words.value.toLowerCase().split(/\s+/);
      const colour = form.elements.colour.value;
      const arms = [...form.querySelectorAll("[name=arm]:checked")].map((box) => box.value);
      for (const prompt of prompts) {
        const coloured = !colour || prompt.dataset.colours.split(" ").includes(colour);
        prompt.hidden = !coloured || !words.every((word) => sentence(prompt).includes(word));
      }
      for (const picture of pictures) picture.hidden = !arms.includes(picture.dataset.arm);
      const left = prompts.filter((prompt) => !prompt.hidden).length;
      form.querySelector("output").value = `${left} of ${prompts.length} sentences`;
    };
    form.addEventListener("input", show);
    form.addEventListener("reset", () => setTimeout(show)); // the fields are empty a moment later
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    show();
  }
});
