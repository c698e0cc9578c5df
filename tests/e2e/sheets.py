"""The sheets of the import, as the people of the street know them: units, devices, people, who may do what."""

import csv
from pathlib import Path

LOAD_UNITS = 4
LOAD_DEVICES_A_UNIT = 5
REGISTERED_A_DEVICE = 20

_BY_APP = (*["wang", "li", "wu", "qian", "meng", "zhao", "shou"], *(f"load{n}" for n in range(LOAD_UNITS)))

#: the sheets of the import, as the people of the street know them
SHEETS: dict[str, tuple[str, list[tuple[object, ...]]]] = {
    "units": (
        "code,name,address,timezone",
        [
            ("U1", "示范大厦", "示范路 119 号", "Asia/Shanghai"),
            ("U2", "隔壁商场", "示范路 120 号", "Asia/Shanghai"),
            *((f"L{n}", f"{n}号联网单位", "", "Asia/Shanghai") for n in range(LOAD_UNITS)),
            ("U3", "街角书店", "示范路 121 号", "Asia/Shanghai"),
        ],
    ),
    "buildings": (
        "unit,code,name,address",
        [
            ("U1", "B1", "1号楼", ""),
            ("U2", "B1", "商场主楼", ""),
            *((f"L{n}", "B1", "厂房", "") for n in range(LOAD_UNITS)),
            ("U3", "B1", "书店", ""),
        ],
    ),
    "zones": ("building,code,name,floor", [("U1/B1", "Z2", "东侧办公区", "2层")]),
    "devices": (
        "unit,building,kind,address,power,profile,name",
        [
            ("U1", "B1", "uitd", "790300000000", "mains", "standard", "1号楼用户信息传输装置"),
            ("U2", "B1", "uitd", "7a0300000000", "mains", "standard", "商场用户信息传输装置"),
            *(
                (f"L{n}", "B1", "uitd", f"{n:02x}{d:02x}0a000000", "mains", "standard", f"{n}-{d} 装置")
                for n in range(LOAD_UNITS)
                for d in range(LOAD_DEVICES_A_UNIT)
            ),
            ("U3", "B1", "uitd", "7b0300000000", "mains", "standard", "书店用户信息传输装置"),
        ],
    ),
    "components": (
        "device,system_type,system_address,component_type,component_address,zone,description",
        [
            ("790300000000", 1, 1, 42, 201, "Z2", "感烟探测器 2层东侧走廊"),
            ("790300000000", 1, 1, 42, 202, "Z2", "感烟探测器 2层茶水间"),
            ("7a0300000000", 1, 1, 42, 201, "", "感烟探测器 商场中庭"),
            *(
                (f"{n:02x}{d:02x}0a000000", 1, 1, 42, number, "", f"感烟探测器 {number}")
                for n in range(LOAD_UNITS)
                for d in range(LOAD_DEVICES_A_UNIT)
                for number in range(1, REGISTERED_A_DEVICE + 1)
            ),
            ("7b0300000000", 1, 1, 42, 301, "", "感烟探测器 阅览区"),
        ],
    ),
    "people": (
        "code,name,phone,language",
        [
            ("wang", "王经理", "13800000001", "zh_CN"),
            ("li", "李值班", "13800000002", "zh_CN"),
            ("wu", "吴经理", "13800000003", "zh_CN"),
            ("qian", "钱值班员", "13800000004", "zh_CN"),
            ("meng", "孟店长", "13800000007", "zh_CN"),
            ("zhao", "赵维保", "13800000005", "zh_CN"),
            ("shou", "周受理", "13800000006", "zh_CN"),
            *((f"load{n}", f"{n}号厂经理", f"1390000000{n}", "zh_CN") for n in range(LOAD_UNITS)),
        ],
    ),
    "roles": (
        "person,role,unit",
        [
            ("wang", "unit_manager", "U1"),
            ("li", "unit_duty", "U1"),
            ("wu", "unit_manager", "U2"),
            ("qian", "provider_operator", ""),
            ("meng", "unit_manager", "U3"),
            ("zhao", "maintainer", "U3"),
            ("shou", "complaint_handler", ""),
            *((f"load{n}", "unit_manager", f"L{n}") for n in range(LOAD_UNITS)),
        ],
    ),
    "contacts": (
        "person,channel,address,priority",
        [
            (code, "app", "", 1)
            for code in (
                *["wang", "li", "wu", "qian", "meng", "zhao", "shou"],
                *(f"load{n}" for n in range(LOAD_UNITS)),
            )
        ],
    ),
}


def write_sheets(folder: Path) -> Path:
    folder.mkdir()
    for name, (columns, rows) in SHEETS.items():
        header = columns.split(",")
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(header)
            writer.writerows([*row, *[""] * (len(header) - len(row))] for row in rows)
    return folder
