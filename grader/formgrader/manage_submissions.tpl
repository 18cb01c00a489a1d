{%- extends 'nbgrader/manage_submissions.tpl' -%}

{%- block messages -%}
<form id="class-grading" class="panel panel-default" style="padding: 15px;">
  <button id="class-start" type="submit" class="btn btn-primary">Autograde all</button>
  <button id="class-stop" type="button" class="btn btn-default" style="display: none;">Stop</button>
  <label style="font-weight: normal; margin-left: 1em;">
    <input id="class-again" type="checkbox"> also what is graded already
  </label>
  <a class="btn btn-default pull-right" target="_blank" rel="noopener"
     href="{{ base_url }}/formgrader/class_report/{{ assignment_id | urlencode }}">Class report</a>
  <p id="class-state" role="status" style="margin: 10px 0 0;">
    Grades every submission that is new or newer than its grade, on all cores. You may leave this page meanwhile.
  </p>
  <details id="class-details" hidden>
    <summary style="display: list-item; cursor: pointer;">Log</summary>
    <pre id="class-log" style="max-height: 20em; overflow: auto;"></pre>
  </details>
</form>
<script>
(function () {
  "use strict";
  var address = base_url + "/formgrader/api/class/" + encodeURIComponent(assignment_id) + "/autograde";
  var wasRunning = false;

  function show(state) {
    $("#class-start").prop("disabled", state.running);
    $("#class-stop").toggle(state.running);
    $("#class-details").prop("hidden", false);
    var log = $("#class-log");
    log.text(state.log);
    log.scrollTop(log[0].scrollHeight);
    if (state.running) {
      $("#class-state").text("Grading: " + (state.progress || "getting ready") + ".");
      window.setTimeout(ask, 1000);
    } else if (state.exit_code === 0) {
      $("#class-state").text("Done" + (state.progress ? ": " + state.progress : "") + ".");
    } else {
      $("#class-state").text("It ended before everything was graded; the last lines of the log say why.");
      $("#class-details").prop("open", true);
    }
    if (wasRunning && !state.running) {
      // nbgrader's table, filled anew
      if ($.fn.DataTable.isDataTable("table.table")) { $("table.table").DataTable().destroy(); }
      loadSubmissions();
    }
    wasRunning = state.running;
  }

  function refuse(reply) {
    var said = reply.responseJSON && reply.responseJSON.message;
    $("#class-state").text(said || "The server does not answer.");
  }

  // The token with GET, too: behind a JupyterHub, a page's script is sent to the login without it.
  function call(method, data) {
    return $.ajax({url: address, type: method, data: data, dataType: "json",
                   headers: {"X-XSRFToken": getCookie("_xsrf")}}).done(show);
  }

  function ask() { call("GET").fail(refuse); }

  $("#class-grading").on("submit", function (event) {
    event.preventDefault();
    wasRunning = true;
    call("POST", {again: $("#class-again").prop("checked")}).fail(refuse);
  });
  $("#class-stop").on("click", function () { call("DELETE").fail(refuse); });
  // A run that was started before this page was opened goes on being shown; where there was none, the answer
  // is 404, and the words above stay.
  call("GET");
})();
</script>
{%- endblock -%}
