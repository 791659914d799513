"use strict";
// The whole study is in this page; the answers stay in the browser until they are saved as a file.

const study = JSON.parse(document.getElementById("study-data").textContent);
const place = "logolib-study-" + study.study;

function recall() {
  try {
    return JSON.parse(localStorage.getItem(place));
  } catch {
    return null;
  }
}

function random(bytes) {
  return crypto.getRandomValues(new Uint8Array(bytes));
}

const kept = recall() || {
  study: study.study,
  rater: "f-" + Array.from(random(8), (b) => b.toString(16).padStart(2, "0")).join(""),
  sheet: Math.floor((random(1)[0] / 256) * study.sheets.length),
  answers: [],
};

function state() {
  const sheet = study.sheets[kept.sheet];
  const done = kept.answers.length;
  const pictures = (i) => (i < sheet.length ? sheet[i][1] : []);
  const question = done < sheet.length ? { position: done, text: study.texts[sheet[done][0]], pictures: pictures(done) } : null;
  return { done: done, total: sheet.length, question: question, ahead: [] };
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(kept)], { type: "application/json" }));
  link.download = "answers-" + study.study + "-" + kept.rater + ".json";
  link.click();
}

document.getElementById("save").addEventListener("click", save);
runStudy({
  next: async () => state(),
  vote: async (vote) => {
    kept.answers.push({ choice: vote.choice, ms: vote.ms });
    try {
      localStorage.setItem(place, JSON.stringify(kept));
    } catch {
      // a browser that keeps nothing still answers until the page is closed
    }
    return state();
  },
  source: (code) => study.pictures[code],
  finish: () => {
    document.getElementById("after").textContent = "Save your answers and send the file to whoever asked you.";
    document.getElementById("foot").hidden = false;
  },
});
