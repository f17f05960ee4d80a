// What the pages do beyond links and forms. Every page works without it; hooks are data-* attributes.
// Listeners of one event run in this order: whether a swap takes place is known before others prepare for it.

import "./refresh.js";
import "./focus.js";
import "./keys.js";
import "./dialog.js";
import "./forms.js";
import "./selection.js";
import "./menus.js";
import "./toasts.js";
import "./announcer.js";
import "./failures.js";
import "./activity.js";
import "./text.js";
import "./times.js";
