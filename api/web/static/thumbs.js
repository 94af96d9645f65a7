// Shows the contents of records that stand in a page.

import { fillThumbs } from "./content.js";
import { all } from "./dom.js";

fillThumbs(all("[data-content]"));
