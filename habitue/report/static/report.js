// Draws the report's charts. In: the JSON in #payload. Colours come from the style sheet, so that
// a change of theme redraws in the new colours; on paper the light ones are used.
(function () {
  "use strict";
  var payload = JSON.parse(document.getElementById("payload").textContent);
  var root = document.documentElement;
  var charts = [];
  // Wider than the paper: the picture is shrunk to fit, so that a tall chart fits on a page.
  var PRINT_WIDTH = 880;

  function escapeText(text) {
    var box = document.createElement("span");
    box.textContent = String(text);
    return box.innerHTML;
  }

  function plain(value) {
    if (value === null || value === undefined || value === "" || isNaN(value)) return "\u2013";
    var size = Math.abs(value);
    var decimals = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4;
    return Number(value).toLocaleString("en", { maximumFractionDigits: decimals });
  }

  function short(value) {
    var size = Math.abs(value);
    var units = payload.units;
    for (var i = 0; i < units.length; i++) {
      if (size >= units[i][0]) return plain(Number((value / units[i][0]).toPrecision(3))) + units[i][1];
    }
    return plain(value);
  }

  function money(text) {
    return payload.currency.prefix + text + payload.currency.suffix;
  }

  function percent(value) {
    return plain(Number((100 * value).toPrecision(3))) + payload.percent;
  }

  // On an axis, numbers are short; in a tooltip, whole.
  var axisFormats = {
    number: short,
    percent: percent,
    money: function (value) { return money(short(value)); },
  };
  var formats = {
    number: plain,
    percent: percent,
    money: function (value) { return money(plain(value)); },
    event: function (point) {
      var title = "<strong>" + escapeText(point.seriesName) + "</strong><br>" + escapeText(point.value[3]);
      return point.value[2] ? title + '<br><bdi class="tip">' + escapeText(point.value[2]) + "</bdi>" : title;
    },
    reliability: function (point) {
      return percent(point.value[0]) + " \u2192 <strong>" + percent(point.value[1]) + "</strong><br>" + percent(point.value[3]) + " \u2013 " + percent(point.value[4]) + "<br>n = " + plain(point.value[2]);
    },
  };

  function dressed(value, key, style, parent) {
    if (typeof value === "string") {
      if (value.indexOf("var:--") === 0) return style.getPropertyValue(value.slice(4)).trim();
      if (value.indexOf("fmt:") === 0 && (key === "formatter" || key === "valueFormatter")) {
        return (parent === "axisLabel" ? axisFormats : formats)[value.slice(4)];
      }
      return value;
    }
    if (Array.isArray(value)) return value.map(function (one) { return dressed(one, key, style, key); });
    if (value && typeof value === "object") {
      var copy = {};
      Object.keys(value).forEach(function (name) { copy[name] = dressed(value[name], name, style, key); });
      return copy;
    }
    return value;
  }

  function draw(onPaper) {
    var style = getComputedStyle(root);
    charts.forEach(function (chart) {
      if (chart.drawn) chart.drawn.dispose();
      var size = onPaper ? { renderer: "svg", width: chart.printWidth } : { renderer: "svg" };
      chart.drawn = echarts.init(chart.element, null, size);
      chart.drawn.setOption(dressed(chart.option, "", style, ""));
      chart.drawn.getZr().flush();
      var picture = chart.element.querySelector("svg");
      if (picture) {
        // Lets the picture shrink with its box where no script runs in time (paper).
        picture.setAttribute("viewBox", "0 0 " + picture.getAttribute("width") + " " + picture.getAttribute("height"));
        picture.setAttribute("aria-hidden", "true");
      }
    });
  }

  document.querySelectorAll("[data-chart]").forEach(function (element) {
    var option = payload.charts[element.getAttribute("data-chart")];
    if (!option) return;
    var small = element.closest(".triple") ? 290 : element.closest(".split, .story-grid") ? 420 : PRINT_WIDTH;
    charts.push({ element: element, option: option, drawn: null, printWidth: small });
  });
  draw();

  var waiting = 0;
  var lastWidth = window.innerWidth;
  window.addEventListener("resize", function () {
    if (window.innerWidth === lastWidth) return;
    lastWidth = window.innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(function () { draw(); }, 120);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { draw(); });
  window.addEventListener("beforeprint", function () {
    root.classList.add("paper");
    draw(true);
  });
  window.addEventListener("afterprint", function () {
    root.classList.remove("paper");
    draw();
  });

  if (navigator.clipboard && window.isSecureContext) {
    document.querySelectorAll(".copy").forEach(function (button) {
      var label = button.textContent;
      button.hidden = false;
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(button.getAttribute("data-copy")).then(function () {
          button.textContent = button.getAttribute("data-done");
          setTimeout(function () { button.textContent = label; }, 1500);
        });
      });
    });
  }

  if ("IntersectionObserver" in window) {
    var links = {};
    document.querySelectorAll("nav a").forEach(function (link) { links[link.hash.slice(1)] = link; });
    var observer = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        var link = links[entry.target.id];
        if (!link) return;
        if (entry.isIntersecting) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
    }, { rootMargin: "-45% 0px -50% 0px" });
    document.querySelectorAll("main > section").forEach(function (section) { observer.observe(section); });
  }
})();
