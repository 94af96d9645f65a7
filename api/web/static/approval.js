import { newId, post } from "./api.js";
import { fillThumbs } from "./content.js";
import { all, find, say } from "./dom.js";
import { t, tn } from "./i18n.js";

fillThumbs(all(".thumb"));

const form = find("#decide");

if (form) {
  const { round, digest } = form.dataset;
  const store = `labelwright/again/${round}/${digest}`;
  const chosen = new Set(JSON.parse(sessionStorage.getItem(store) ?? "[]"));
  const buttons = all("button[type=submit]", form);
  // There only for whom the separation of duties stops.
  const glass = form.querySelector("#break-glass");
  // The same decision sent twice counts once; another decision is another one.
  const ids = new Map();

  const showChosen = () => {
    const count = chosen.size;
    const records = [...chosen].slice(0, 8).join(", ") + (count > 8 ? " …" : "");
    find("#chosen").textContent = count
      ? tn("{count} record chosen to look at again: {records}", "{count} records chosen to look at again: {records}", count, { records })
      : t("No records chosen to look at again.");
    find("#again").disabled = !count;
    sessionStorage.setItem(store, JSON.stringify([...chosen]));
  };

  for (const box of all(".again")) {
    box.checked = chosen.has(box.value);
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(box.value);
      else chosen.delete(box.value);
      showChosen();
    });
  }
  for (const button of buttons) button.disabled = false;
  showChosen();

  const decide = async (approved, records) => {
    const body = { approved, dataset_digest: digest, reason: find("#reason").value.trim(), records };
    if (glass?.checked) body.break_glass = true;
    const same = JSON.stringify(body);
    if (!ids.has(same)) ids.set(same, newId());
    for (const button of buttons) button.disabled = true;
    try {
      await post(`/api/v1/rounds/${encodeURIComponent(round)}/approval`, {
        decision_id: ids.get(same),
        ...body,
      });
      sessionStorage.removeItem(store);
      location.assign(`/rounds/${encodeURIComponent(round)}`);
    } catch (error) {
      say(find("#error"), error.sentence);
      for (const button of buttons) button.disabled = false;
      showChosen();
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say(find("#error"), "");
    const wish = event.submitter?.value ?? "approve";
    const least = Number(glass?.dataset.least ?? 0);
    if (find("#reason").value.trim().length < least) {
      say(find("#error"), `Breaking the glass takes a reason of ${least} characters or more.`);
      find("#reason").focus();
    } else if (wish === "approve") {
      decide(true, []);
    } else if (!find("#reason").value.trim()) {
      say(find("#error"), t("A rejection needs a reason: say why."));
      find("#reason").focus();
    } else if (wish === "again") {
      decide(false, [...chosen]);
    } else {
      find("#confirm").showModal();
    }
  });

  find("#confirm").addEventListener("close", (event) => {
    if (event.target.returnValue === "yes") decide(false, []);
    event.target.returnValue = "";
  });
}
