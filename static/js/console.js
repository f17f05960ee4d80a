// The behaviour of pages beyond links and forms. Every page works without it; hooks are data-* attributes.
// Listeners of an event run in this order, so that the decision whether to swap comes before preparations for the swap.

import "./refresh.js";
import "./focus.js";
import "./keys.js";
import "./dialog.js";
import "./busy.js";
import "./forms.js";
import "./search.js";
import "./judge.js";
import "./selection.js";
import "./menus.js";
import "./toasts.js";
import "./announcer.js";
import "./session.js";
import "./failures.js";
import "./activity.js";
import "./text.js";
import "./times.js";
