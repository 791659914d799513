"use strict";
// One question at a time. `backend` has next() and vote(vote), which both resolve to
// {done, total, question: {position, text, pictures} | null, ahead}, source(code), and finish().

function runStudy(backend) {
  const at = (id) => document.getElementById(id);
  let question = null;
  let since = 0;
  let busy = true;

  function choiceButton(code, i, n) {
    const button = document.createElement("button");
    const picture = document.createElement("img");
    const name = n === 2 ? ["Left", "Right"][i] : String(i + 1);
    const label = document.createElement("span");
    const key = document.createElement("kbd");
    button.type = "button";
    button.disabled = true;
    button.setAttribute("aria-label", n === 2 ? name + " picture" : "Picture " + name);
    picture.alt = "";
    picture.src = backend.source(code);
    picture.draggable = false;
    key.textContent = n === 2 ? ["←", "→"][i] : name;
    if (n === 2) label.append(name);
    label.append(key);
    button.append(picture, label);
    button.addEventListener("click", () => choose(i));
    return button;
  }

  function enable(ready) {
    busy = !ready;
    for (const button of [...at("choices").children, at("tie")]) button.disabled = !ready;
  }

  function show(state) {
    at("progress").max = state.total;
    at("progress").value = state.done;
    question = state.question;
    at("ask").hidden = question === null;
    at("end").hidden = question !== null;
    if (question === null) {
      at("count").textContent = "All " + state.total + " answered";
      at("foot").hidden = true;
      backend.finish();
      at("thanks").focus();
      return;
    }
    const n = question.pictures.length;
    at("count").textContent = "Question " + (state.done + 1) + " of " + state.total;
    at("text").textContent = question.text;
    at("choices").className = n === 2 ? "pair" : "row";
    at("choices").replaceChildren(...question.pictures.map((code, i) => choiceButton(code, i, n)));
    at("tie").classList.remove("chosen");
    at("text").focus({ preventScroll: true });
    window.scrollTo(0, 0);
    for (const code of state.ahead) new Image().src = backend.source(code);
    since = performance.now();
    setTimeout(() => enable(true), 250); // the second half of a double click is no answer to the next question
  }

  async function insist(work) {
    for (let pause = 500; ; pause = Math.min(pause * 2, 8000)) {
      try {
        const state = await work();
        at("status").textContent = "";
        return state;
      } catch (error) {
        if (error.final) {
          at("status").textContent = error.message;
          return null;
        }
        at("status").textContent = "Not saved yet; trying again …";
        await new Promise((done) => setTimeout(done, pause));
      }
    }
  }

  async function choose(choice) {
    if (busy) return;
    enable(false);
    (choice === null ? at("tie") : at("choices").children[choice]).classList.add("chosen");
    const ms = Math.min(Math.round(performance.now() - since), 3600000);
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
    const vote = { position: question.position, choice: choice, ms: ms, vote_id: id };
    const state = await insist(() => backend.vote(vote));
    if (state) show(state);
  }

  at("tie").addEventListener("click", () => choose(null));
  document.addEventListener("keydown", (event) => {
    if (question === null || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const n = question.pictures.length;
    const keys = { 0: null };
    for (let i = 0; i < n; i++) keys[i + 1] = i;
    if (n === 2) Object.assign(keys, { ArrowLeft: 0, ArrowRight: 1 });
    if (!(event.key in keys)) return;
    event.preventDefault();
    choose(keys[event.key]);
  });
  insist(() => backend.next()).then((state) => state && show(state));
}
