"""Boolean circuits over bit planes: the S-box of AES in a few gates, for as many bytes at once as a plane has bits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint64]

_GATES = {"^": np.bitwise_xor, "&": np.bitwise_and}
_STEP = re.compile(r"(\w+)=(\w+)(?:([&^])(\w+))?")

BITS = tuple(f"b{bit}" for bit in range(8))
"""Names of a byte's bits, the lowest first: inputs and outputs of every circuit."""

_SUBSTITUTION = """
    y14=b4^b2 y13=b7^b1 y9=b7^b4 y8=b7^b2 t0=b6^b5 y1=t0^b0 y4=y1^b4 y12=y13^y14 y2=y1^b7 y5=y1^b1 y3=y5^y8
    t1=b3^y12 y15=t1^b2 y20=t1^b6 y6=y15^b0 y10=y15^t0 y11=y20^y9 y7=b0^y11 y17=y10^y11 y19=y10^y8 y16=t0^y11
    y21=y13^y16 y18=b7^y16
    t2=y12&y15 t3=y3&y6 t4=t3^t2 t5=y4&b0 t6=t5^t2 t7=y13&y16 t8=y5&y1 t9=t8^t7 t10=y2&y7 t11=t10^t7 t12=y9&y11
    t13=y14&y17 t14=t13^t12 t15=y8&y10 t16=t15^t12 t17=t4^t14 t18=t6^t16 t19=t9^t14 t20=t11^t16 t21=t17^y20
    t22=t18^y19 t23=t19^y21 t24=t20^y18
    t25=t21^t22 t26=t21&t23 t27=t24^t26 t28=t25&t27 t29=t28^t22 t30=t23^t24 t31=t22^t26 t32=t31&t30 t33=t32^t24
    t34=t23^t33 t35=t27^t33 t36=t24&t35 t37=t36^t34 t38=t27^t36 t39=t29&t38 t40=t25^t39
    t41=t40^t37 t42=t29^t33 t43=t29^t40 t44=t33^t37 t45=t42^t41
    z0=t44&y15 z1=t37&y6 z2=t33&b0 z3=t43&y16 z4=t40&y1 z5=t29&y7 z6=t42&y11 z7=t45&y17 z8=t41&y10 z9=t44&y12
    z10=t37&y3 z11=t33&y4 z12=t43&y13 z13=t40&y5 z14=t29&y2 z15=t42&y9 z16=t45&y14 z17=t41&y8
    t46=z15^z16 t47=z10^z11 t48=z5^z13 t49=z9^z10 t50=z2^z12 t51=z2^z5 t52=z7^z8 t53=z0^z3 t54=z6^z7 t55=z16^z17
    t56=z12^t48 t57=t50^t53 t58=z4^t46 t59=z3^t54 t60=t46^t57 t61=z14^t57 t62=t52^t58 t63=t49^t58 t64=z4^t59
    t65=t61^t62 t66=z1^t63 t67=t64^t65
    b7=t59^t63 b1=t56^t62 b0=t48^t60 b4=t53^t66 b3=t51^t66 b2=t47^t65 b6=t64^b4 b5=t55^t67
"""
"""The S-box of AES but for its constant 63 (Boyar and Peralta, "A small depth-16 circuit for the AES S-box", 2012)."""

_LINEAR = " ".join(f"a{bit}=b{(bit + 2) % 8}^b{(bit + 5) % 8} a{bit}=a{bit}^b{(bit + 7) % 8}" for bit in range(8))
_INVERSE_LINEAR = f"{_LINEAR} {' '.join(f'b{bit}=a{bit}' for bit in range(8))}"
"""The inverse of the linear half of the S-box (FIPS 197, 5.3.2)."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """Gates over numbered registers, of which the first eight hold the input, lowest bit first.

    Attributes:
        gates: Operation, two inputs and an output each.
        outputs: Registers of the output after the last gate, lowest bit first.
        size: Number of registers.
    """

    gates: tuple[tuple[np.ufunc, int, int, int], ...]
    outputs: tuple[int, ...]
    size: int

    def run(self, registers: Sequence[Plane]) -> list[Plane]:
        """Overwrites the registers, ``size`` planes of equal shape.

        Returns:
            Those that hold the output.
        """
        for gate, left, right, out in self.gates:
            gate(registers[left], registers[right], registers[out])
        return [registers[place] for place in self.outputs]


def compiled(source: str) -> Circuit:
    """A circuit from :data:`BITS` to :data:`BITS`; a register is used again as soon as its content is not needed.

    Args:
        source: Steps such as ``t1=b3^y12`` or ``b0=t1``, in order; a name may be given again.
    """
    values = {name: number for number, name in enumerate(BITS)}
    wires: list[tuple[np.ufunc, int, int]] = []
    for target, left, sign, right in _STEP.findall(source):
        if sign:
            wires.append((_GATES[sign], values[left], values[right]))
            values[target] = len(BITS) + len(wires) - 1
        else:
            values[target] = values[left]
    results = [values[name] for name in BITS]
    last_use = {value: place for place, (_, *pair) in enumerate(wires) for value in pair}
    last_use |= dict.fromkeys(results, len(wires))
    register = {value: value for value in range(len(BITS))}
    free: list[int] = []
    size = len(BITS)
    gates = []
    for place, (gate, left, right) in enumerate(wires):
        free += [register[value] for value in {left, right} if last_use[value] == place]
        if not free:
            free, size = [size], size + 1
        register[len(BITS) + place] = free.pop()
        gates.append((gate, register[left], register[right], register[len(BITS) + place]))
    return Circuit(tuple(gates), tuple(register[value] for value in results), size)


SUBSTITUTE = compiled(_SUBSTITUTION)
"""From a byte to its S-box value but for the constant 63."""

RESTORE = compiled(f"{_INVERSE_LINEAR} {_SUBSTITUTION} {_INVERSE_LINEAR}")
"""From an S-box value but for the constant 63 to its byte: inversion in the field is its own inverse."""
