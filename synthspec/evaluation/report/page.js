(function () {
  "use strict";
  var box = document.getElementById("filter"), all = document.getElementById("all");
  var told = document.getElementById("matches"), rows = Array.from(document.querySelectorAll("#rows details.row"));
  var buttons = document.querySelectorAll("button.phrase");

  function unmark() {
    document.querySelectorAll("#rows mark").forEach(function (mark) {
      var parent = mark.parentNode;
      parent.replaceChild(document.createTextNode(mark.textContent), mark);
      parent.normalize();
    });
    buttons.forEach(function (b) { b.removeAttribute("aria-pressed"); });
  }
  function pattern(phrase) { // its words one after another, ignoring case and punctuation
    var words = phrase.normalize("NFKC").match(/[\p{L}\p{M}\p{N}]+|[\p{S}]/gu) || [];
    var escaped = words.map(function (w) { return w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"); });
    return escaped.length ? new RegExp(escaped.join("[^\\p{L}\\p{M}\\p{N}]*"), "giu") : null;
  }
  function markIn(element, found) {
    var walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), nodes = [], hits = 0;
    while (walker.nextNode()) nodes.push(walker.currentNode);
    nodes.forEach(function (node) {
      var text = node.data, at = 0, match, parts = document.createDocumentFragment();
      found.lastIndex = 0;
      while ((match = found.exec(text)) && match[0]) {
        var mark = document.createElement("mark");
        mark.textContent = match[0];
        parts.append(text.slice(at, match.index), mark);
        at = match.index + match[0].length;
        hits++;
      }
      if (at) { parts.append(text.slice(at)); node.replaceWith(parts); }
    });
    return hits;
  }
  function tell(shown) {
    told.textContent = shown === rows.length ? "" : shown + " of the " + rows.length + " rows shown here";
    all.hidden = shown === rows.length;
  }
  function filter() {
    var wanted = box.value.toLowerCase(), shown = 0;
    unmark();
    rows.forEach(function (row) {
      var match = row.textContent.toLowerCase().indexOf(wanted) >= 0;
      row.hidden = !match;
      shown += match ? 1 : 0;
    });
    tell(shown);
  }
  function showPhrase(button) {
    var found = pattern(button.dataset.phrase), shown = 0;
    if (!found || !box) return;
    box.value = "";
    unmark();
    button.setAttribute("aria-pressed", "true");
    rows.forEach(function (row) {
      var hits = 0;
      row.querySelectorAll(".values dd").forEach(function (value) { hits += markIn(value, found); });
      row.hidden = !hits;
      row.open = hits > 0 && shown < 4;
      shown += hits ? 1 : 0;
    });
    tell(shown);
    document.getElementById("sample").scrollIntoView();
    told.focus();
  }
  function openTarget() { // a link to a row opens it
    var target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") {
      if (target.hidden) { box.value = ""; filter(); }
      target.open = true;
      target.scrollIntoView();
    }
  }
  document.documentElement.classList.add("scripted");
  if (box) {
    box.addEventListener("input", filter);
    all.addEventListener("click", function () { box.value = ""; filter(); box.focus(); });
  }
  buttons.forEach(function (b) { b.addEventListener("click", function () { showPhrase(b); }); });
  window.addEventListener("hashchange", openTarget);
  document.addEventListener("click", function (event) { // the same link again
    var link = event.target.closest && event.target.closest("a.rowlink");
    if (link && link.hash === location.hash) openTarget();
  });
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.more").forEach(function (d) { d.open = true; });
  });
  openTarget();
})();
