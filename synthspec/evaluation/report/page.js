(function () {
  var box = document.getElementById("filter"), rows = document.querySelectorAll("#rows details.row"), told = document.getElementById("matches");
  if (!box) return;
  document.documentElement.classList.add("scripted");
  box.addEventListener("input", function () {
    var wanted = box.value.toLowerCase(), shown = 0;
    rows.forEach(function (row) {
      var match = row.textContent.toLowerCase().indexOf(wanted) >= 0;
      row.hidden = !match;
      shown += match;
    });
    told.textContent = wanted ? shown + " of " + rows.length : "";
  });
})();
